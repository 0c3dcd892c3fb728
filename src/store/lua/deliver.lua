-- deliver.lua - prelude after down: an entry in a user's stream, and a hint of it to the nodes that hold his terminals. [DOWN-2]
-- A hint is never the delivery itself: the stream is. Each node is told once by a script, of all its users, at the script's end.
local hints, channels, other_nodes = {}, {}, nil

-- The other nodes at work, by name. Each has its record before it has a reader; where that was gone it looks at its streams anew: life.ts.
local function others ()
  if other_nodes then return other_nodes end
  other_nodes = {}
  local known = { [this_node] = true }
  for _, process in ipairs(redis.call('HKEYS', 'iris:{0}:LIFE:NODES')) do
    local name = string.match(process, '^[^/]*')
    if not known[name] then other_nodes[#other_nodes + 1] = name end
    known[name] = true
  end
  return other_nodes
end

local function tell (node, user, tag, id, entry, body)
  if node == this_node then here[#here + 1], here[#here + 2] = user, id return end
  if not hints[node] then hints[node], channels[node] = {}, user_key(tag, 'NODE', node) end
  local groups = hints[node]
  local group = groups[#groups]
  if not group or group[1] ~= entry or group[2] ~= body then group = { entry, body } groups[#groups + 1] = group end
  group[#group + 1], group[#group + 2] = user, id
end

finally[#finally + 1] = function ()
  for node, groups in pairs(hints) do redis.call('SPUBLISH', channels[node], cjson.encode({ stamped, groups })) end
end

local function tell_routes (user, tag, id, entry, body)
  local told = {}
  for _, route in ipairs(redis.call('HKEYS', user_key(tag, 'TERMINALS', user) .. ':ROUTES')) do
    local node = string.match(route, '^[^/]*')
    if not told[node] then tell(node, user, tag, id, entry, body) end
    told[node] = true
  end
  return next(told) ~= nil
end

-- Appends one entry (field, value, ...) to a user's stream. `known`: the epoch as last seen, if any; it spares reading the stream's end.
-- Of another stream it is refused by XADD, or finds no stream. Returns the id, and the epoch.
local function enter (user, tag, entry, known)
  stamp()
  local key = user_key(tag, 'DOWN', user)
  if known and known ~= '' and is_alive(known) then
    local id = redis.pcall('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', down_entries, known .. '-*', unpack(entry))
    if type(id) == 'string' and string.sub(id, -2) ~= '-0' then return id, known end
    -- seq 0: the clock went back, a younger stream bears an older epoch. To go on in the one that was would bring old cursors back to life
    if type(id) == 'string' then redis.call('DEL', key) end
  end
  local epoch = string.match(top_of(key), '^%d+')
  return redis.call('XADD', key, 'MAXLEN', '~', down_entries, epoch .. '-*', unpack(entry)), epoch
end

-- The same, and tells of it. Returns the epoch, whether a node is told, and the id.
local function deliver (user, tag, entry, body, known)
  local id, epoch = enter(user, tag, entry, known)
  return epoch, tell_routes(user, tag, id, entry, body), id
end
