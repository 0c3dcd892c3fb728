-- total.lua - prelude after unread and aging: how much a user has not read. A count whose direct conversation has ended goes.
-- A step goes through so many counts, or few more; it asks Redis for so much about their conversations, and of a part for less. [COST-1]
local MOST_COUNTED, MOST_COMMANDS, MOST_OF_A_PART = 512, 200, 40

-- kept: what was sent before this moment has had its time. cursor: `0`, or where the step before ended. Returns the total of the step, and
-- where the next one begins, `0` when it was the last. is_whole: there is to be one step; of more than it goes through, nil.
local function total_unread (unread, kept, cursor, is_whole)
  local next_cursor, counts = unpack(redis.call('HSCAN', unread, cursor, 'COUNT', MOST_COUNTED))
  local is_part, began = cursor ~= '0' or next_cursor ~= '0', asked
  if is_whole and is_part then return end
  local total, left, user, many = 0, MAX_SCANNED, string.match(unread, '[^:]+$'), #counts / 2
  local markers = string.gsub(unread, ':CHAT_MSG_BOX:', ':RESET_READ_NUM_AND_LAST_MSG:', 1)

  local function aged_in (conversation, id)
    local facts = facts_of(conversation)
    if not is_due(facts, kept) then return 0 end
    local read = parts_of(redis.call('HGET', markers, id), '^(%d+) %d+ %d$', 1, markers .. ' ' .. id)
    local row = redis.call('HGET', conversation .. ':MEMBERS', user)
    local view = view_of(conversation, row, tonumber(read) or 0, markers .. ':' .. id, facts)
    local aged, looked = 0, 0
    if view then aged, looked = let_age(view, facts, kept, left) end
    left = left - looked
    return aged
  end

  -- of very many conversations some are asked, others with each call: which of them have ended, or have something that has had its time
  local most, from = is_part and MOST_OF_A_PART or MOST_COMMANDS, many > 50 and time_us() % many or 0
  for i = 0, many - 1 do
    local at = 2 * ((from + i) % many) + 1
    local conversation, id = place_of(counts[at])
    local is_asked = id and asked - began < most
    local is_over = is_asked and string.sub(id, 1, 3) == 'dm.' and redis.call('HEXISTS', conversation .. ':MEMBERS', user) == 0
    if is_over then drop_count(unread, counts[at])
    elseif id then
      local count = number_of(counts[at + 1], unread .. ' ' .. id) or 0
      total = total + math.max(0, count - (is_asked and aged_in(conversation, id) or 0))
    else skip(unread .. ' ' .. counts[at]) end
  end
  return total, next_cursor
end
