-- admit-request.lua - decides whether a user's up-request goes on: is its terminal kicked, is the user too fast? [KICK-1] [COST-1]
-- USES kick rate (the members are of another partition: standalone Redis only)
-- FULL done
-- KEYS kick rate members
-- ARGV user terminal issuedAt expiresAt emissionUs burst units membersPerUnit
-- RETURNS 0 verdict(ok|kicked|limited) reason retryMs units
-- membersPerUnit: members weigh, too, for who is one of them; 0: they are not asked for.
local kick, rate, members = unpack(KEYS)
local user, terminal, issued, expires, emission_us, burst, units, members_per_unit = unpack(ARGV)
local reason = refusal(kick, { terminal = terminal, issued = issued, expires = expires }, math.floor(rate_now_us / 1000))
if reason then return { 0, 'kicked', reason, 0, 0 } end

local up = pace(tonumber(emission_us), tonumber(burst), MAX_UNITS)
local wait_ms = early_ms(rate, up)
if wait_ms > 0 then return { 0, 'limited', '', wait_ms, 0 } end
if members_per_unit ~= '0' and redis.call('HEXISTS', members, user) == 1 then
  units = math.max(units, math.ceil(redis.call('HLEN', members) / members_per_unit))
end
take(rate, up, tonumber(units))
return { 0, 'ok', '', 0, tonumber(units) }
