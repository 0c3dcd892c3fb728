-- total.lua - prelude after unread and aging: how much a user has not read. A count whose direct conversation has ended goes.
-- kept: what was sent before this moment has had its time.
local MOST_ASKED = 200
local function total_unread (unread, kept)
  local total, left, counts, user = 0, MAX_SCANNED, redis.call('HGETALL', unread), string.match(unread, '[^:]+$')
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

  -- of very many conversations some, others with each call: which of them have ended, or have something that has had its time
  local many = #counts / 2
  local from = many > MOST_ASKED and time_us() % many or 0
  for i = 1, #counts, 2 do
    local conversation, id = place_of(counts[i])
    local is_asked = ((i - 1) / 2 - from) % many < MOST_ASKED
    local is_over = is_asked and id and string.sub(id, 1, 3) == 'dm.' and redis.call('HEXISTS', conversation .. ':MEMBERS', user) == 0
    if is_over then drop_count(unread, counts[i])
    elseif id then
      local count = number_of(counts[i + 1], unread .. ' ' .. id) or 0
      total = total + math.max(0, count - (is_asked and aged_in(conversation, id) or 0))
    else skip(unread .. ' ' .. counts[i]) end
  end
  return total
end
