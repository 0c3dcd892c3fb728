-- renew-login.lua - a terminal hands in a fresh token: from then on that is its login, unless it is kicked. [KICK-1] [KICK-2]
-- USES kick logins
-- FULL done
-- KEYS kick terminals
-- ARGV terminal issuedAt expiresAt
-- RETURNS 0 reason (empty: not kicked)
local kick, terminals = unpack(KEYS)
local terminal, issued, expires = unpack(ARGV)
local token = { terminal = terminal, issued = issued, expires = expires }
local at = time_ms()
local reason = refusal(kick, token, at)
if reason then return { 0, reason } end
-- one that never attached has nothing to renew
local login = login_of(terminals, terminal)
if login then redis.call('HSET', terminals, terminal .. '/login', login_text(login_with(login, token, at))) end
return { 0, '' }
