-- unread.lua - prelude after member and index: what a user has not read:
-- what others wrote above his marker, but for what he has taken singly.
-- CHAT_MSG_BOX:<user>: `<partition>/<conversation>` -> how many; RESET_READ_NUM_AND_LAST_MSG:<user>:<conversation>: what was taken, by seq.
-- In one attach so many conversations are looked at, and so many messages. [COST-1]
local MAX_LOOKED, MAX_SCANNED, CHUNK = 500, 10000, 128
local NOBODY, sub = '\0\0\0\0', string.sub -- writers are compared as they stand: to read their numbers takes three times as long

-- headSeq firstSeq lastTs, and of when the oldest message may be.
local function facts_of (conversation)
  local found = redis.call('HMGET', conversation, 'headSeq', 'firstSeq', 'lastTs', 'firstTs', 'createdAt')
  local head, first, last, oldest, created = unpack(found)
  return { head, first, whole_of(last, 2 ^ 42), whole_of(oldest) or whole_of(created) or 0 }
end

-- Where a member stands: unread may be what is above `low` up to `head`. read: how far he has; taken: a key, false: nothing was. Nil for
-- who is no member.
local function view_of (conversation, row, read, taken, facts)
  local _, joined, _, own = member_of(row)
  if not joined then return end
  local head, first = unpack(facts)
  head = number_of(head, conversation .. ' headSeq') or 0
  local low = math.max(read, joined - 1, (number_of(first, conversation .. ' firstSeq') or 1) - 1)
  return { index = index_of(conversation), own = own ~= '' and struct.pack('>I4', own) or NOBODY, head = head, low = low, taken = taken }
end

local function count_between (view, from, to)
  if from > to then return 0 end
  local text, own, n = entries(view.index, from, to), view.own, view.taken and -redis.call('ZCOUNT', view.taken, from, to) or 0
  for i = 1, #text, WIDTH do
    local writer = sub(text, i, i + 3)
    if writer ~= NOBODY and writer ~= own then n = n + 1 end
  end
  return n
end

-- The oldest unread messages, `seq:ts` each. Returns them, and how many messages were looked at for them; no more than `most`.
local function oldest_of (view, count, most)
  local found, seq, own, size = {}, view.low, view.own, CHUNK
  while seq < view.head and #found < count and seq - view.low < most do
    local gone, to = {}, math.min(seq + size, view.head)
    size = math.min(2 * size, BLOCK) -- where there is little to find, fewer and longer looks
    for _, each in ipairs(view.taken and redis.call('ZRANGEBYSCORE', view.taken, seq + 1, to) or {}) do gone[each] = true end
    local text = entries(view.index, seq + 1, to)
    for i = 1, #text, WIDTH do
      seq = seq + 1
      local writer = sub(text, i, i + 3)
      if writer ~= NOBODY and writer ~= own and #found < count then
        local place = int(seq)
        if not gone[place] then found[#found + 1] = place .. ':' .. int(struct.unpack('>I5', text, i + 4) + 2 ^ 40) end
      end
    end
  end
  return found, seq - view.low
end
