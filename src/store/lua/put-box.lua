-- put-box.lua - keeps a command or notice for a user until completed or expired, and tells his terminals. [CMD-2] [CMD-6] [COMPLETE-2]
-- USES down box
-- KEYS box order expiry waiting done deliveries collapse terminals routes
-- ARGV downEntries downIdleMs node name user tag id body meta expiresAt maxItems everyTerminal collapseKey filter keepMs
-- RETURNS 0 outcome(stored|already|full) here[]
local terminals, routes = KEYS[8], KEYS[9]
local name, user, tag, id, body, meta, expires_at, max_items, every_terminal, collapse_key, filter, keep_ms = unpack(ARGV, 4)

local wanted = filter ~= '' and cjson.decode(filter) or {}
local function has (list, value)
  for _, item in ipairs(list or { value }) do if item == value then return true end end
  return false
end
local function is_addressed (terminal, platform)
  return terminal ~= wanted.except and has(wanted.ids, terminal) and has(wanted.platforms, platform)
end

sweep(keep_ms)
if redis.call('HEXISTS', box, id) == 1 or redis.call('ZSCORE', done, 'c:' .. id) or redis.call('ZSCORE', done, 'e:' .. id) then
  return { 0, 'already', here }
end
local replaced = collapse_key ~= '' and redis.call('HGET', collapse, collapse_key)
if redis.call('HLEN', box) >= tonumber(max_items) and not replaced then return { 0, 'full', here } end
if replaced then forget(replaced, 'e', keep_ms) end

local reference = { 'k', 'box', 'n', name, 'i', id }
if filter ~= '' then reference[7], reference[8] = 'f', filter end
local rank = (tonumber(redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')[2]) or 0) + 1
redis.call('ZADD', order, rank, id)
redis.call('HSET', box, id, deliver(user, tag, reference, body) .. ' ' .. meta .. '\n' .. body)
redis.call('ZADD', expiry, expires_at, id)
if collapse_key ~= '' then redis.call('HSET', collapse, collapse_key, id) end
local known, live = redis.call('HGETALL', terminals), redis.call('HGETALL', routes)
local shares, shown = ',', false
for i = 1, #known, 2 do
  if is_addressed(known[i], string.match(known[i + 1], '^%S+')) then shares = shares .. known[i] .. ',' end
end
if every_terminal == '1' and shares ~= ',' then redis.call('HSET', waiting, id, shares) end
-- shown to somebody now: its first delivery from the box will be a second one [COMPLETE-3]
for i = 1, #live, 2 do
  shown = shown or is_addressed(string.match(live[i], '[^/]+$'), string.match(live[i + 1], '^%S+'))
end
if shown then redis.call('HSET', deliveries, id, 1) end
-- a user who never comes back must not keep his boxes for ever
for i = 1, 7 do
  local ends = math.max(expires_at, redis.call('ZREVRANGE', expiry, 0, 0, 'WITHSCORES')[2]) + keep_ms
  if redis.call('PEXPIRETIME', KEYS[i]) ~= ends then redis.call('PEXPIREAT', KEYS[i], int(ends)) end
end
return { 0, 'stored', here }
