-- box.lua - prelude after down: a user's CMD_BOX or NOTICE_BOX. All keys are the user's own.
-- KEYS box order expiry waiting done deliveries collapse
-- box: id -> `<id of its entry> <meta JSON>\n<body JSON>`; order: id by rank; done: `c:<id>` completed, `e:<id>` expired or cancelled, until then.
local box, order, expiry, waiting, done, deliveries, collapse = unpack(KEYS)

local function meta_of (stored)
  return cjson.decode(string.match(stored, '^%S+ ([^\n]*)'))
end

-- Takes an item out of the box and remembers how it ended.
local function forget (id, ending, keep_ms)
  local stored = redis.call('HGET', box, id)
  if not stored then return end
  local key = meta_of(stored).collapse
  if key and redis.call('HGET', collapse, key) == id then redis.call('HDEL', collapse, key) end
  local until_ms = math.max(now, tonumber(redis.call('ZSCORE', expiry, id) or 0)) + keep_ms
  redis.call('ZADD', done, int(until_ms), ending .. ':' .. id)
  redis.call('HDEL', box, id)
  redis.call('ZREM', order, id)
  redis.call('ZREM', expiry, id)
  redis.call('HDEL', waiting, id)
  redis.call('HDEL', deliveries, id)
end

-- Lets go of what has expired, of marks that nobody can ask for any more, and of the keys of an empty box.
local function sweep (keep_ms)
  redis.call('ZREMRANGEBYSCORE', done, '-inf', int(now))
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', int(now), 'LIMIT', 0, 1000)) do forget(id, 'e', keep_ms) end
end
