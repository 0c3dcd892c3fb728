-- use-ticket.lua - uses a ticket for the down side; the first use binds it to its terminal. Section 3
-- KEYS ticket
-- ARGV terminal platform
-- RETURNS 0 user tokenIssuedAt tokenExpiresAt terminal platform
local ticket = KEYS[1]
local terminal, platform = unpack(ARGV)
local user, iat, exp, bound, bound_platform = unpack(redis.call('HMGET', ticket, 'user', 'iat', 'exp', 'terminal', 'platform'))
if not user then return { -8 } end
if bound ~= '' and terminal ~= '' and terminal ~= bound then return { -8 } end
if bound == '' then bound = terminal ~= '' and terminal or 'default' end
if bound_platform == '' then bound_platform = platform ~= '' and platform or 'web' end
redis.call('HSET', ticket, 'terminal', bound, 'platform', bound_platform)
redis.call('PEXPIREAT', ticket, exp)
return { 0, user, iat or 0, exp, bound, bound_platform }
