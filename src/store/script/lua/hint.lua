-- hint.lua - prelude after down: tells nodes of the entries of users who have terminals there. [DOWN-2]
-- A hint is never the delivery itself: the stream is. Each node is told once by a script, of all its users, at the script's end.
local hints, channels, others = {}, {}, nil

-- The other nodes at work, by name. Each has its record before it has a reader; where that was gone it looks at its streams anew: life.ts.
local function other_nodes ()
  if others then return others end
  others = {}
  local known = { [this_node] = true }
  for _, process in ipairs(redis.call('HKEYS', 'iris:{0}:LIFE:NODES')) do
    local name = string.match(process, '^[^/]*')
    if not known[name] then others[#others + 1] = name end
    known[name] = true
  end
  return others
end

local function hint_node (node, user, tag, id, entry, body)
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

local function hint_routes (user, tag, id, entry, body)
  local told = {}
  for _, route in ipairs(redis.call('HKEYS', user_key(tag, 'TERMINALS', user) .. ':ROUTES')) do
    local node = string.match(route, '^[^/]*')
    if not told[node] then hint_node(node, user, tag, id, entry, body) end
    told[node] = true
  end
  return next(told) ~= nil
end
