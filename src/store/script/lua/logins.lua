-- logins.lua - prelude: the login of each terminal of a user, by the newest token it came with. [KICK-2] [KICK-3]
-- In TERMINALS, `<terminal>/login`: `<issued> <since> <expires>` (ms): of its newest token, when it first came with that, and until when
-- the last of its tokens is taken. A reconnect keeps its rank, and a kick covers what is connected, whatever its `iat`.
local function read_login (stored, terminals, terminal)
  local issued, since, expires = parts_of(stored, '^(%d+) (%d+) ?(%d*)$', 2, terminals .. ' ' .. terminal .. '/login')
  return issued and { issued = tonumber(issued), since = tonumber(since), expires = whole_of(expires) or 0 }
end

local function login_of (terminals, terminal)
  return read_login(redis.call('HGET', terminals, terminal .. '/login'), terminals, terminal)
end

-- A login, nil for none, by a token (issued, expires) at a time; it is not written yet.
local function login_with (login, token, at)
  login = login or { issued = -1, expires = 0 }
  if tonumber(token.issued) > login.issued then login.issued, login.since = tonumber(token.issued), at end
  login.expires = math.max(login.expires, token.expires)
  return login
end

local function login_text (login) return string.format('%d %d %d', login.issued, login.since, login.expires) end
