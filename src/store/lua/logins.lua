-- logins.lua - prelude: the login of each terminal of a user, by the newest token it came with. [KICK-2] [KICK-3]
-- logins: terminal -> `<issued> <since> <expires>` (ms): of its newest token, when it first came with that, and until when
-- the last of its tokens is taken. A reconnect keeps its rank, and a kick covers what is connected, whatever its `iat`.
local function login_of (logins, terminal)
  local stored = redis.call('HGET', logins, terminal)
  local issued, since, expires = parts_of(stored, '^(%d+) (%d+) ?(%d*)$', 2, logins .. ' ' .. terminal)
  return issued and { issued = tonumber(issued), since = tonumber(since), expires = whole_of(expires) or 0 }
end

-- The login of a terminal that comes with a token (terminal, issued, expires) at a time; it is not written yet.
local function login_with (logins, token, at)
  local login = login_of(logins, token.terminal) or { issued = -1, expires = 0 }
  if tonumber(token.issued) > login.issued then login.issued, login.since = tonumber(token.issued), at end
  login.expires = math.max(login.expires, token.expires)
  return login
end

local function keep_login (logins, terminal, login)
  redis.call('HSET', logins, terminal, string.format('%.0f %.0f %.0f', login.issued, login.since, login.expires))
end
