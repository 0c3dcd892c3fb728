-- numbers.lua - prelude of every script, after sound: which stored texts are numbers, and which ones Lua only takes for such. [DOWN-2]
-- Lua reads nan, inf, 1e30, 0x10, -5 and 2.5: a number like that would be given to a message, or make a command fail after the first write.

-- A whole number as text. Redis' own conversion of a number (%.17g) costs as much as a look-up, `%.0f` twice as much as this.
local function int (n) return string.format('%d', n) end

-- The time of Redis, never that of a node. [TIME-1]
local function time_us () local time = redis.call('TIME') return time[1] * 1000000 + time[2] end
local function time_ms () return math.floor(time_us() / 1000) end

-- A number as Iris writes it: whole, in decimal digits, below 2^53 (or `limit`); else nil.
local function whole_of (text, limit)
  if not text or #text > 16 or not (text == '0' or string.find(text, '^[1-9]%d*$')) then return nil end
  local number = tonumber(text)
  return number < (limit or 2 ^ 53) and number or nil
end

-- A number that is kept as text or as a score; nil, and its place is named, for what is none.
local function number_of (text, place, limit)
  local number = whole_of(text, limit)
  if text and not number then skip(place) end
  return number
end

-- The same of a field, whose name is made only when it is needed.
local function number_in (text, key, field, limit)
  local number = whole_of(text, limit)
  if text and not number then skip(key .. ' ' .. field) end
  return number
end

-- What a pattern takes from a stored text, if its first `count` captures
-- are numbers; nothing, and its place is named, where it does not fit.
local function parts_of (text, pattern, count, place)
  local parts = { string.match(text or '', pattern) }
  for i = 1, count do if not whole_of(parts[i]) then parts = {} end end
  if text and not parts[1] then skip(place) end
  return unpack(parts)
end

-- The highest score of a sorted set that is a number, nil when there is none; what lies beyond is named, and stands aside.
local function top_score (key)
  local top = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  if not top[1] or number_of(top[2], key .. ' ' .. top[1]) then return tonumber(top[2]) end
  return tonumber(redis.call('ZREVRANGEBYSCORE', key, 2 ^ 53 - 1, 0, 'WITHSCORES', 'LIMIT', 0, 1)[2])
end
