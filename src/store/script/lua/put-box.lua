-- put-box.lua - keeps an item for a user until completed or expired, and tells him. [CMD-2] [CMD-6] [CMD-7] [COMPLETE-2] [BOX-1] [TIME-1]
-- USES life down event hint deliver box overflow addressed claim
-- FULL refused
-- KEYS box order expiry waiting done deliveries collapse shares once terminals routes blocked
-- ARGV feed downEntries downIdleMs node seenMark name user tag id draft(JSON without times) meta ttlMs
--   maxItems share maxShare everyTerminal collapseKey filter keepMs from claim
-- from: who sends it, if the user may have blocked him [DIRECT-4]; claim: of a notice the key of its sending. Empty: neither
-- RETURNS 0 outcome(stored|already|full|blocked|over) here body(for those of here)
local terminals, routes = KEYS[10], KEYS[11]
local name, user, tag, id, draft, meta, ttl_ms, max_items, share, max_share, every_terminal, collapse_key, filter, keep_ms,
  from, claim = unpack(ARGV, 6)
if is_over(claim) then return { 0, 'over', said(), '' } end
local expires_at = now + ttl_ms
local body = '{"ts":' .. int(now) .. ',"expiresAt":' .. int(expires_at) .. ',' .. string.sub(draft, 2)

local is_addressed = addressing(filter)
local is_once, is_empty, replaced = share == '*once', redis.call('EXISTS', expiry, done) == 0, nil
if not is_empty then
  sweep(keep_ms)
  local ended = redis.call('ZMSCORE', done, 'c:' .. id, 'e:' .. id)
  if ended[1] or ended[2] or redis.call('HEXISTS', box, id) == 1 then return { 0, 'already', said(), '' } end
end
if from ~= '' and redis.call('ZSCORE', KEYS[12], from) then return { 0, 'blocked', said(), '' } end
if not is_empty then
  replaced = collapse_key ~= '' and redis.call('HGET', collapse, collapse_key)
  local held = redis.call('HMGET', shares, share, '*users')
  local function fills (stored, most) return (number_of(stored, shares) or 0) >= tonumber(most) end
  local is_full = fills(held[1], max_share) or (string.sub(share, 1, 1) ~= '*' and fills(held[2], max_items))
  if is_once and is_full then replaced = redis.call('ZRANGE', once, 0, 0)[1] end -- the oldest goes
  if is_full and (is_once or not replaced) then announce_overflow(user, name, id, replaced, draft) end
  if is_full and not replaced then return { 0, 'full', said(), '' } end
  if replaced then forget(replaced, 'e', keep_ms) end
end

local reference = { 'k', 'box', 'n', name, 'i', id, filter ~= '' and 'f' or nil, filter ~= '' and filter or nil }
local function rank_last (key) write('ZADD', key, (not is_empty and top_score(key) or 0) + 1, id) end
rank_last(order)
if is_once then rank_last(once) end
count(share, 1)
local _, is_held, entry = deliver(user, tag, reference, body)
write('HSET', box, id, entry .. ' ' .. meta .. '\n' .. body)
write('ZADD', expiry, int(expires_at), id)
if collapse_key ~= '' then write('HSET', collapse, collapse_key, id) end
if every_terminal == '1' then
  local known, waits = redis.call('HGETALL', terminals), ','
  for i = 1, #known, 2 do
    local is_terminal = not string.find(known[i], '/', 1, true)
    if is_terminal and is_addressed(known[i], string.match(known[i + 1], '^%S+')) then waits = waits .. known[i] .. ',' end
  end
  if waits ~= ',' then write('HSET', waiting, id, waits) end
end
-- shown to somebody now: its first delivery from the box will be a second one [COMPLETE-3]
local live, shown = is_held and not is_once and redis.call('HGETALL', routes) or {}, false
for i = 1, #live, 2 do
  local is_live = tonumber(string.match(live[i + 1], '%d+$') or 0) > now
  shown = shown or (is_live and is_addressed(string.match(live[i], '[^/]+$'), string.match(live[i + 1], '^%S+')))
end
if shown then write('HSET', deliveries, id, 1) end
settle_box(keep_ms, is_empty and expires_at + keep_ms or nil)
return { 0, 'stored', said(), #here > 0 and body or '' }
