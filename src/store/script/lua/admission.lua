-- admission.lua - prelude after kick and rate: does a user's up-request
-- go on? Is its terminal kicked, is the user too fast? [KICK-1] [COST-1]
-- door: the keys kick, rate, members; user, terminal, issued, expires; units, members_per_unit (members weigh, too, for who is one
-- of them; 0: they are not asked for; units of less than nothing: it was admitted before, and takes nothing more).
-- up: the pace of up-requests. Returns verdict(ok|kicked|limited) reason retryMs units.
local function admit (door, up)
  local reason = refusal(door.kick, door, math.floor(rate_now_us / 1000))
  if reason then return 'kicked', reason, 0, 0 end

  local units, per = tonumber(door.units), door.members_per_unit
  if units < 0 then return 'ok', '', 0, 0 end
  local wait_ms = early_ms(door.rate, up)
  if wait_ms > 0 then return 'limited', '', wait_ms, 0 end
  if per ~= '0' and redis.call('HEXISTS', door.members, door.user) == 1 then
    units = math.max(units, math.ceil(redis.call('HLEN', door.members) / per))
  end
  take(door.rate, up, units)
  return 'ok', '', 0, units
end
