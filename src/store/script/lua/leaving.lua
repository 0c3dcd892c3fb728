-- leaving.lua - prelude after down, member, direct and index: what leaves a log, or is revoked, is unread for nobody any more. [REVOKE-3]
-- So many leave in one call; when all of a log has had its time, all. [COST-1]
local MOST_GONE = 1000

-- How many of rising numbers are above another.
local function above (numbers, low)
  local from, to = 1, #numbers + 1
  while from < to do
    local middle = math.floor((from + to) / 2)
    if numbers[middle] > low then to = middle else from = middle + 1 end
  end
  return #numbers + 1 - from
end

-- What goes, and who wrote it: nothing yet, `all` of a log, or `seqs`, rising, and of each writer his own.
local function nothing_gone () return { seqs = {}, by = {} } end

local function goes (gone, seq, writer)
  local own = gone.by[writer] or {}
  gone.seqs[#gone.seqs + 1], own[#own + 1], gone.by[writer] = seq, seq, own
end

-- What has gone is unread no more.
local function let_go (message, user, stored)
  local _, first, tag, writer = member_of(stored)
  local marker, unread, gone = user_key(tag, 'RESET_READ_NUM_AND_LAST_MSG', user), user_key(tag, 'CHAT_MSG_BOX', user), message.gone
  local taken, seqs, own = marker .. ':' .. message.id, gone.seqs, gone.by[tonumber(writer)] or {}
  if gone.all then return redis.call('HDEL', unread, message.field), redis.call('DEL', taken) end
  local read = parts_of(redis.call('HGET', marker, message.id), '^(%d+) %d+ %d$', 1, marker .. ' ' .. message.id)
  local low = math.max(tonumber(read) or 0, first - 1)
  local lost = above(seqs, low) - above(own, low)
  if lost > 0 then lost = lost - redis.call('ZREMRANGEBYSCORE', taken, int(math.max(low + 1, seqs[1])), int(seqs[#seqs])) end
  if lost > 0 and redis.call('HINCRBY', unread, message.field, -lost) <= 0 then redis.call('HDEL', unread, message.field) end
end

-- Messages leave a log: up to `trimmed`, and what was sent before `kept` (0: nothing has had its time); firstSeq rises.
-- talk: conversation log head last_ts, as they are before what is to come. Returns what has gone (false: nothing that counted), and
-- whether more is to go by its age.
local function leave_log (talk, trimmed, kept)
  local conversation, gone, index, fields = talk.conversation, nothing_gone(), index_of(talk.conversation), {}
  local first = number_of(redis.call('HGET', conversation, 'firstSeq'), conversation .. ' firstSeq') or 1
  gone.all = talk.last_ts < kept
  local aged = gone.all and talk.head or kept > 0 and sent_before(index, first - 1, talk.head, kept) or 0
  local last = math.max(first - 1, gone.all and aged or math.min(math.max(trimmed, aged), first + MOST_GONE - 1))
  if gone.all then redis.call('UNLINK', talk.log) end
  local text = not gone.all and last >= first and entries(index, first, last) or ''
  for i = 1, #text, WIDTH do
    local seq, writer = first + (i - 1) / WIDTH, writer_at(text, i)
    fields[#fields + 1] = int(seq)
    if writer ~= 0 then goes(gone, seq, writer) end
  end
  if fields[1] then redis.call('HDEL', talk.log, unpack(fields)) end
  for n = block_of(first), block_of(last + 1) - (gone.all and 0 or 1) do redis.call('DEL', index .. n) end
  redis.call('HSET', conversation, 'firstSeq', int(last + 1))
  -- what is left is not older
  if kept > 0 then redis.call('HSET', conversation, 'firstTs', int(last < talk.head and time_at(index, last + 1) or now)) end
  return (gone.all or gone.seqs[1]) and gone or false, aged > last
end
