-- create-ticket.lua - makes a ticket for the down side, unless the user has too many that were not used. Section 3
-- FULL done
-- KEYS ticket tickets
-- ARGV digest user issuedAt expiresAt terminal platform unusedMs toleranceMs maxUnused
-- RETURNS 0 verdict(ok|limited) retryMs
-- tickets: digest -> until when a ticket that was not used may be, ms.
local ticket, tickets = unpack(KEYS)
local digest, user, issued, expires, terminal, platform, unused_ms, tolerance_ms, max_unused = unpack(ARGV)
local at = time_ms()

redis.call('ZREMRANGEBYSCORE', tickets, '-inf', int(at))
if redis.call('ZREMRANGEBYSCORE', tickets, 2 ^ 53, '+inf') > 0 then skip(tickets) end -- no time: it would take room for ever
-- sent again after a reconnect it is there already
if redis.call('ZCARD', tickets) >= tonumber(max_unused) and not redis.call('ZSCORE', tickets, digest) then
  return { 0, 'limited', int(math.ceil(redis.call('ZRANGE', tickets, 0, 0, 'WITHSCORES')[2] - at)) }
end
-- it ends with its token
local ends = math.min(at + unused_ms, expires + tolerance_ms)
redis.call('HSET', ticket, 'user', user, 'iat', issued, 'exp', expires, 'terminal', terminal, 'platform', platform)
redis.call('PEXPIREAT', ticket, int(ends))
redis.call('ZADD', tickets, int(ends), digest)
if redis.call('PEXPIRETIME', tickets) < ends then redis.call('PEXPIREAT', tickets, int(ends)) end
return { 0, 'ok', 0 }
