-- deliver.lua - prelude after hint: an entry in a user's stream.
-- Appends one entry (field, value, ...) to a user's stream. `known`: the epoch as last seen, if any; it spares reading the stream's end:
-- of another stream it is refused by XADD, or finds none. Returns the id, and the epoch.
local function enter (user, tag, entry, known)
  stamp()
  local key = user_key(tag, 'DOWN', user)
  if known and known ~= '' and is_alive(known) then
    local id = redis.pcall('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', down_entries, known .. '-*', unpack(entry))
    if type(id) == 'string' and string.sub(id, -2) ~= '-0' then return id, known end
    -- seq 0: the clock went back, and a younger stream bears an older epoch. To go on in the one that was would bring old cursors to life
    if type(id) == 'string' then redis.call('DEL', key) end
  end
  local epoch = string.match(top_of(key), '^%d+')
  return redis.call('XADD', key, 'MAXLEN', '~', down_entries, epoch .. '-*', unpack(entry)), epoch
end

-- The same, and tells of it. Returns the epoch, whether a node is told, and the id.
local function deliver (user, tag, entry, body, known)
  local id, epoch = enter(user, tag, entry, known)
  return epoch, hint_routes(user, tag, id, entry, body), id
end
