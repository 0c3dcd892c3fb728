-- down.lua - prelude: writes down streams. Every script that uses it begins its ARGV with these three.
-- ARGV downEntries downIdleMs node
local down_entries, down_idle, this_node = ARGV[1], ARGV[2], ARGV[3]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local here = {} -- user, id, user, id ...: what this node delivers itself

local function int (n) return string.format('%.0f', n) end

local function user_key (tag, name, user) return 'iris:{' .. tag .. '}:' .. name .. ':' .. user end

-- The last id of a user's stream; a stream that is not there is born with <epoch>-0, so that every cursor has an epoch.
local function top_of (key, user)
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if last then return last[1] end
  local epoch = now * 4096 + tonumber(string.sub(redis.sha1hex(user), 1, 3), 16)
  local id = redis.call('XADD', key, int(epoch) .. '-0', 'k', 'birth')
  redis.call('PEXPIRE', key, down_idle)
  return id
end

-- Tells the nodes that hold a terminal of the user. A hint, never the delivery itself: the stream is.
local function hint (user, tag, id, entry, body)
  local told = {}
  for _, route in ipairs(redis.call('HKEYS', user_key(tag, 'TERMINALS', user) .. ':ROUTES')) do
    local node = string.match(route, '^[^/]+')
    if not told[node] then
      told[node] = true
      if node == this_node then
        here[#here + 1] = user
        here[#here + 1] = id
      else
        redis.call('SPUBLISH', user_key(tag, 'NODE', node), cjson.encode({ user, id, entry, body }))
      end
    end
  end
end

-- Appends one entry (field, value, ...) to a user's stream and hints its body.
local function deliver (user, tag, entry, body)
  local key = user_key(tag, 'DOWN', user)
  local epoch = string.match(top_of(key, user), '^%d+')
  local id = redis.call('XADD', key, 'MAXLEN', '~', down_entries, epoch .. '-*', unpack(entry))
  hint(user, tag, id, entry, body)
  return id
end
