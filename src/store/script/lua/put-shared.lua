-- put-shared.lua - notices to everybody reach a user, each once and in order: with him stands its place, the body stands once for all.
-- What was taken back is named, where he has it still. [NOTICE-1] [NOTICE-2]
-- USES life down event kick hint deliver box (what all share is of another partition: standalone Redis only)
-- FULL refused
-- KEYS box order expiry waiting done deliveries collapse shares once shared kick
-- ARGV feed downEntries downIdleMs node seenMark user tag keepMs terminal issued expires
-- then id ... (`!` before one that was taken back)
-- terminal, issued, expires: of who is about to attach: nothing is kept for one who is kicked; empty for who is connected
-- RETURNS 0 here gone[]
local shared, kick = KEYS[10], KEYS[11]
local user, tag, keep_ms, terminal, issued, expires = unpack(ARGV, 6)
local ids, marks, gone, missing = {}, {}, {}, {}
for i = 12, #ARGV do
  local id = string.match(ARGV[i], '^!?(.*)$')
  ids[#ids + 1], marks[#marks + 1], marks[#marks + 2] = id, 'c:' .. id, 'e:' .. id
end
if terminal ~= '' and refusal(kick, { terminal = terminal, issued = issued, expires = expires }, now) then return { 0, said(), gone } end

local had, ended = redis.call('HMGET', box, unpack(ids)), redis.call('ZMSCORE', done, unpack(marks))
local function look (id)
  local stored = redis.call('HGET', shared, id)
  local ends, rank, needs, meta, body = string.match(stored or '', '^(%d+) (%d+) (%w+) ([^\n]*)\n(.*)$')
  if stored and not (whole_of(ends) and whole_of(rank)) then return skip(shared .. ' ' .. id) end
  if not stored or tonumber(ends) <= now then return end
  missing[#missing + 1] = { id = id, rank = tonumber(rank), ends = ends, is_once = needs == 'once', meta = meta, body = body }
end
for i, id in ipairs(ids) do
  local is_gone = ARGV[11 + i] ~= id
  if is_gone and had[i] then gone[#gone + 1] = id end
  if not (is_gone or had[i] or ended[2 * i - 1] or ended[2 * i]) then look(id) end
end
if #missing == 0 then return { 0, said(), gone } end
sweep(keep_ms)

table.sort(missing, function (a, b) return a.rank < b.rank end)
local function rank_last (key, id) write('ZADD', key, (top_score(key) or 0) + 1, id) end
for _, one in ipairs(missing) do
  local id, is_once = one.id, one.is_once
  rank_last(order, id)
  if is_once then rank_last(once, id) end
  count(is_once and '*once' or '*everybody', 1)
  local _, is_held, entry = deliver(user, tag, { 'k', 'box', 'n', 'NOTICE_BOX', 'i', id }, one.body)
  write('HSET', box, id, entry .. ' ' .. one.meta .. '\n')
  write('ZADD', expiry, one.ends, id)
  if is_held and not is_once then write('HSET', deliveries, id, 1) end -- shown to somebody now [COMPLETE-3]
end
settle_box(keep_ms)
return { 0, said(), gone }
