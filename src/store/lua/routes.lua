-- routes.lua - prelude after down: routes `<node>/<terminal>` of a user that nobody renewed go.
-- Else a node that was killed would be kept for ever, and told of every message, as long as the user is connected elsewhere.
local function prune (routes)
  if is_dry then return end
  local all = redis.call('HGETALL', routes)
  for i = 1, #all, 2 do
    if tonumber(string.match(all[i + 1], '%d+$') or 0) <= now then redis.call('HDEL', routes, all[i]) end
  end
end
