-- leave-life.lua - a node that ends in order has no more to say of what it has seen, if it has said it to this server. [STORE-1]
-- USES run
-- FULL done
-- KEYS nodes
-- ARGV node
-- RETURNS 0
-- Of a run that is over it has not: others wait for its word, or begin another life. See begin-life.lua.
local nodes_key, node = KEYS[1], ARGV[1]
local at = redis.call('HGET', nodes_key, node)
if at and string.match(at, '%S*$') == this_run then redis.call('HDEL', nodes_key, node) end
return { 0 }
