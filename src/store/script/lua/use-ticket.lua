-- use-ticket.lua - uses a ticket for the down side; the first use binds it to its terminal. Section 3
-- FULL done
-- KEYS ticket
-- ARGV terminal platform toleranceMs maxOfTerminal maxUsed
-- RETURNS 0 user tokenIssuedAt tokenExpiresAt terminal platform
-- A user's used tickets are bounded: those that were used last stay. `<tickets>:USED`: `<terminal>/<digest>` -> when last, us.
local ticket = KEYS[1]
local terminal, platform, tolerance_ms, max_of_terminal, max_used = unpack(ARGV)
local user, iat, exp, bound, bound_platform = unpack(redis.call('HMGET', ticket, 'user', 'iat', 'exp', 'terminal', 'platform'))
if not user then return { -8 } end
if not (whole_of(exp) and whole_of(iat) and bound and bound_platform) then return { -8, skip(ticket) } end
if bound ~= '' and terminal ~= '' and terminal ~= bound then return { -8 } end
if bound == '' then bound = terminal ~= '' and terminal or 'default' end
if bound_platform == '' then bound_platform = platform ~= '' and platform or 'web' end
if is_dry then return { 0, user, iat or 0, exp, bound, bound_platform } end
local ends = exp + tolerance_ms
redis.call('HSET', ticket, 'terminal', bound, 'platform', bound_platform)
redis.call('PEXPIREAT', ticket, int(ends))

-- all of a user's tickets are in his partition
local prefix, digest = string.match(ticket, '^(.*:)TICKET:(.*)$')
local used = prefix .. 'TICKETS:' .. user .. ':USED'
redis.call('ZREM', prefix .. 'TICKETS:' .. user, digest)
redis.call('ZADD', used, int(time_us()), bound .. '/' .. digest)
if redis.call('PEXPIRETIME', used) < ends then redis.call('PEXPIREAT', used, int(ends)) end
local of_terminal = 0
for i, member in ipairs(redis.call('ZREVRANGE', used, 0, -1)) do
  local other, name = string.match(member, '^(.*)/(.*)$')
  if not name then skip(used) end
  if other == bound then of_terminal = of_terminal + 1 end
  if i > tonumber(max_used) or (other == bound and of_terminal > tonumber(max_of_terminal)) then
    redis.call('ZREM', used, member)
    redis.call('DEL', prefix .. 'TICKET:' .. (name or ''))
  end
end
return { 0, user, iat or 0, exp, bound, bound_platform }
