-- put-box.lua - keeps a command or notice for a user until completed or expired, and tells his terminals. [CMD-2] [CMD-6] [CMD-7] [COMPLETE-2] [BOX-1]
-- USES down box
-- KEYS box order expiry waiting done deliveries collapse shares once terminals routes
-- ARGV downEntries downIdleMs node name user tag id body meta expiresAt maxItems share maxShare everyTerminal collapseKey filter keepMs
-- RETURNS 0 outcome(stored|already|full) here[]
local terminals, routes = KEYS[10], KEYS[11]
local name, user, tag, id, body, meta, expires_at, max_items, share, max_share, every_terminal, collapse_key, filter, keep_ms = unpack(ARGV, 4)

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
local is_once, is_apart = share == '*once', string.sub(share, 1, 1) == '*'
local is_full = held(share) >= tonumber(max_share) or (not is_apart and held('*users') >= tonumber(max_items))
if is_once and is_full then replaced = redis.call('ZRANGE', once, 0, 0)[1] end -- the oldest goes
if is_full and not replaced then return { 0, 'full', here } end
if replaced then forget(replaced, 'e', keep_ms) end

local reference = { 'k', 'box', 'n', name, 'i', id }
if filter ~= '' then reference[7], reference[8] = 'f', filter end
local function append (key) redis.call('ZADD', key, (tonumber(redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]) or 0) + 1, id) end
append(order)
if is_once then append(once) end
count(share, 1)
redis.call('HSET', box, id, deliver(user, tag, reference, body) .. ' ' .. meta .. '\n' .. body)
redis.call('ZADD', expiry, expires_at, id)
if collapse_key ~= '' then redis.call('HSET', collapse, collapse_key, id) end
local known, live = redis.call('HGETALL', terminals), redis.call('HGETALL', routes)
local waits, shown = ',', false
for i = 1, #known, 2 do
  if is_addressed(known[i], string.match(known[i + 1], '^%S+')) then waits = waits .. known[i] .. ',' end
end
if every_terminal == '1' and waits ~= ',' then redis.call('HSET', waiting, id, waits) end
-- shown to somebody now: its first delivery from the box will be a second one [COMPLETE-3]
for i = 1, #live, 2 do
  local is_held = tonumber(string.match(live[i + 1], '%d+$')) > now
  shown = shown or (is_held and is_addressed(string.match(live[i], '[^/]+$'), string.match(live[i + 1], '^%S+')))
end
if shown and not is_once then redis.call('HSET', deliveries, id, 1) end
set_end(keep_ms)
return { 0, 'stored', here }
