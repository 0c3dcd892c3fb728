-- renew-leases.lua - what a node noted of the terminals of one partition: they were seen, and their state. [LIFE-2] [TIME-1]
-- USES event presence foreground
-- FULL done
-- KEYS leases
-- ARGV feed tag leaseMs
-- then user terminal state(foreground|background|empty: as it is) age(ms since it was seen) ...
-- RETURNS 0
-- A terminal that is leaving stays so: only a connection brings it back.
local leases = KEYS[1]
local tag, lease_ms = unpack(ARGV, 2)
for i = 4, #ARGV, 4 do
  local user, terminal, state, age = unpack(ARGV, i, i + 3)
  local who = { leases = leases, terminals = 'iris:{' .. tag .. '}:TERMINALS:' .. user, user = user }
  local kept = terminal_of(who, terminal)
  if kept then
    local seen, before = this_ms - age, tonumber(kept.seen)
    if state ~= '' then kept.state = string.sub(state, 1, 1) end
    -- later than now: the clock went back
    if seen > before or before > this_ms then kept.seen = int(seen) end
    keep(who, terminal, kept)
    -- what ends later than a full lease may as well be of before the clock went back: it was seen just now
    local rule = tonumber(lease_of(who, terminal) or 0) > this_ms + lease_ms and 'CH' or 'GT'
    if kept.standing == 'on' then redis.call('ZADD', leases, 'XX', rule, int(seen + lease_ms), user .. '/' .. terminal) end
  end
end
return { 0 }
