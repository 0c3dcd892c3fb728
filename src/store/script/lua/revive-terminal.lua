-- revive-terminal.lua - a terminal whose lease was found ended, although
-- it was seen where it is connected: its node could not say so. [LIFE-2]
-- USES life down event presence foreground connect
-- FULL done
-- KEYS terminals leases
-- ARGV feed downEntries downIdleMs node seenMark user terminal age(ms since it was seen) leaseMs
-- RETURNS 0 isThere(0|1)
-- One that was sent away, or has closed its last connection, stays so.
local terminals, leases = unpack(KEYS)
local user, terminal, age, lease_ms = unpack(ARGV, 6)
local who = { leases = leases, terminals = terminals, user = user }
local kept = terminal_of(who, terminal)
if lease_of(who, terminal) then return { 0, 1 } end
if not kept or kept.standing ~= 'lapsed' then return { 0, 0 } end
local row, online, gone, n = unpack(redis.call('HMGET', terminals, terminal, '/online', '/gone', '/n'))
kept.node, kept.held_until = this_node, int(this_ms + lease_ms - age)
connect(who, kept, { row = row, online = online, gone = gone, n = n }, {})
return { 0, 1 }
