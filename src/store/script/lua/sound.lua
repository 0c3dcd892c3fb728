-- sound.lua - prelude of every script: what cannot be read counts as absent, is skipped, and is named beside the reply. [DOWN-2]
-- A key of another type holds nothing that could ever be read: there is nothing in it, and what is written there begins anew; so does
-- a counter that is no number. Where something sound would be lost by that, a script returns `unsound`, before its first write.
local unreadable, unsound = {}, { -10 }
local asked = 0 -- commands, in this call: what is very much is left to the next, others come in between [COST-1]
local finally = {} -- what is done when a script is through
local function skip (place) unreadable[#unreadable + 1] = place end
local raw, none = redis, {}
local absent = {
  GET = false, HGET = false, ZSCORE = false, HMGET = none, ZMSCORE = none, HGETALL = none, HKEYS = none, HVALS = none,
  ZRANGE = none, ZREVRANGE = none, ZRANGEBYSCORE = none, ZREVRANGEBYSCORE = none, XRANGE = none, XREVRANGE = none, HSCAN = { '0', none },
  HLEN = 0, HEXISTS = 0, SISMEMBER = 0, ZCARD = 0, HDEL = 0, ZREM = 0, SREM = 0, ZREMRANGEBYSCORE = 0, ZCOUNT = 0, GETRANGE = ''
}
local added = { HSET = true, HSETNX = true, HINCRBY = true, INCR = true, ZADD = true, SADD = true, XADD = true, SETRANGE = true }
local counting = { HINCRBY = true, INCR = true }

local function begin_anew (command, key, ...)
  if command == 'HINCRBY' then raw.pcall('HDEL', key, (...)) end
  if command ~= 'HINCRBY' or raw.call('TYPE', key).ok ~= 'hash' then raw.call('DEL', key) end
  return raw.call(command, key, ...)
end
-- Keys that are known not to be there, until something is written there: what would be read is known without a call.
local void = {}
local redis = {}
function redis.pcall (command, key, ...)
  asked, void[key or ''] = asked + 1, nil
  return raw.pcall(command, key, ...)
end

local function mend (command, reply, ...)
  local function says (words) return string.find(reply.err, words, 1, true) end
  local is_none = type(reply) ~= 'table' or counting[command] and (says('not an integer') or says('overflow'))
  if not is_none and not says('WRONGTYPE') then error(reply) end
  skip((...))
  if absent[command] ~= nil then return absent[command] end
  if not added[command] then error(reply) end
  return begin_anew(command, ...)
end

function redis.call (command, ...)
  local key = ...
  if void[key] then
    if absent[command] ~= nil then return absent[command] end
    void[key] = nil
  end
  asked = asked + 1
  local reply = raw.pcall(command, ...)
  if type(reply) == 'table' and reply.err then return mend(command, reply, ...) end
  if command == 'HINCRBY' then
    local before = reply - select(3, ...)
    if before < 0 or before >= 2 ^ 53 then return mend(command, reply, ...) end -- it was a number, but none that Iris counts
  end
  return reply
end

-- Learns in one call that there is none of these keys; where there is one, nothing.
local function look_for (keys)
  if #keys == 0 or raw.pcall('EXISTS', unpack(keys)) ~= 0 then return end
  for _, key in ipairs(keys) do void[key] = true end
end
