-- box.lua - prelude after down: a user's CMD_BOX or NOTICE_BOX. All keys are the user's own.
-- KEYS box order expiry waiting done deliveries collapse shares once
-- box: id -> `<id of its entry> <meta JSON>\n<body JSON>`; order: pending,
-- by rank; done: `c:<id>` completed, `e:<id>` expired or cancelled.
-- shares: how many items of each sender; `*server`, `*own` (the user himself) and `*once` have their own room, others: `*users`. [CMD-7]
-- once: what needs no completion, by rank; it is pending until it was shown, its body stays for those who resume. [BOX-1]
local box, order, expiry, waiting, done, deliveries, collapse, shares, once = unpack(KEYS, 1, 9)

-- What cannot be read has no meta: it can still be completed, and it expires.
local function meta_of (stored, id)
  local plain, is_read, meta = { string = true, number = true }, pcall(cjson.decode, string.match(stored, '^%S+ ([^\n]*)') or '')
  if not is_read or type(meta) ~= 'table' then return {}, skip(box .. ' ' .. id) end
  for name, value in pairs(meta) do meta[name] = (plain[type(value)] or name == 'notify') and value or nil end
  meta.notify = meta.notify and meta.from and meta.fromTag and meta.clientCmdId
  return meta
end

-- Gathered while the script runs, written by `settle_box`.
local taken_out, counted, written = {}, {}, {}
local function write (command, key, ...)
  written[key] = true
  return redis.call(command, key, ...)
end

local function count (share, by)
  if not share then return end
  counted[share] = (counted[share] or 0) + by
  if string.sub(share, 1, 1) ~= '*' then counted['*users'] = (counted['*users'] or 0) + by end
end

-- Takes an item out of the box and remembers how it ended.
local function forget (id, ending, keep_ms)
  local stored = redis.call('HGET', box, id)
  if not stored then return end
  local meta = meta_of(stored, id)
  if meta.collapse and redis.call('HGET', collapse, meta.collapse) == id then redis.call('HDEL', collapse, meta.collapse) end
  count(meta.share, -1)
  local until_ms = math.max(now, number_of(redis.call('ZSCORE', expiry, id), expiry .. ' ' .. id) or 0) + keep_ms
  write('ZADD', done, int(until_ms), ending .. ':' .. id)
  taken_out[#taken_out + 1] = id
end

-- Writes what was gathered; to be called last. A key that was written ends with the last item and the last mark: later than all it holds.
local function settle_box (keep_ms, ends)
  local holding = #taken_out > 0 and { order, expiry, once, box, waiting, deliveries } or {}
  for i, key in ipairs(holding) do redis.call(i > 3 and 'HDEL' or 'ZREM', key, unpack(taken_out)) end
  for share, by in pairs(counted) do
    if by ~= 0 and write('HINCRBY', shares, share, by) <= 0 then redis.call('HDEL', shares, share) end
  end
  if next(written) then ends = ends or math.max((top_score(expiry) or now) + keep_ms, top_score(done) or 0) end
  for key in pairs(written) do redis.call('PEXPIREAT', key, int(ends)) end
  taken_out, counted, written = {}, {}, {}
end

-- Lets go of what has expired, and of marks that nobody can ask for any more.
local function sweep (keep_ms)
  redis.call('ZREMRANGEBYSCORE', done, '-inf', int(now))
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', int(now), 'LIMIT', 0, 1000)) do forget(id, 'e', keep_ms) end
  if #taken_out > 0 then settle_box(keep_ms) end
end
