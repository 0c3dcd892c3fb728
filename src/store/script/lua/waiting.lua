-- waiting.lua - prelude after unread and aging: the oldest unread messages of each conversation. [ATTACH-3]
-- Each brings its oldest; of very many conversations each brings fewer, and some none, so that one attach stays bounded.
-- A call asks Redis for so much of what one user has not read, and for so much in all; look-further.lua goes on. [COST-1]
local MOST_ASKED, MOST_IN_ALL = 200, 500
local asked_in_all, scanned_in_all = 0, 0 -- by all who attach in this call
local function is_call_full (more) return asked_in_all + more >= MOST_IN_ALL or scanned_in_all >= MAX_SCANNED end

-- looking: unread(the key), user, prefix(of the user's keys), kept(what was sent before this moment has had its time), share(a conversation
-- brings so many), left(so many messages are looked at), came(by conversation: the first seq that is not meant any more: look-further.lua).
-- Goes through fields of `unread` with their counts; adds to `found`, whose first number is that of conversations that were not looked at,
-- conversation, n, [seq:ts ...] of each. Returns how many fields it went through.
local function look_through (looking, fields, counts, found)
  local unread, user, kept, came = looking.unread, looking.user, looking.kept, looking.came or none
  local markers, ids, began = looking.prefix .. 'RESET_READ_NUM_AND_LAST_MSG:' .. user, {}, asked
  local function is_enough () return asked - began >= MOST_ASKED or is_call_full(asked - began) end
  if not fields[1] or is_enough() then return 0 end
  for i, field in ipairs(fields) do ids[i] = select(2, place_of(field)) or '' end
  local known = redis.call('HMGET', markers, unpack(ids))

  -- marker: of who has taken anything there is one
  local function look_at (field, count, marker)
    local conversation, id = place_of(field)
    if not id then return skip(unread .. ' ' .. field) end
    if looking.left <= 0 then found[1] = found[1] + 1 return end
    local read = parts_of(marker, '^(%d+) %d+ %d$', 1, markers .. ' ' .. id)
    local facts = facts_of(conversation)
    local row = redis.call('HGET', conversation .. ':MEMBERS', user)
    local view = view_of(conversation, row, tonumber(read) or 0, marker and markers .. ':' .. id, facts)
    if not view then return drop_count(unread, field) end
    local newer, is_later = 0, came[id] and came[id] <= view.head
    if is_later then newer, view.head = count_between(view, math.max(came[id], view.low + 1), view.head), came[id] - 1 end
    local aged, looked_at = let_age(view, facts, kept, looking.left)
    local oldest, scanned = oldest_of(view, looking.share, looking.left - looked_at)
    looking.left, scanned_in_all = looking.left - looked_at - scanned, scanned_in_all + looked_at + scanned
    local is_all = view.low + scanned >= view.head and #oldest < looking.share
    -- what has aged is counted until it is let go
    if #oldest == 0 and is_all then return aged == 0 and not is_later and drop_count(unread, field) end
    if #oldest == 0 then found[1] = found[1] + 1 return end
    local n = is_all and #oldest or math.max(#oldest, (number_of(count, unread .. ' ' .. id) or 0) - aged - newer)
    found[#found + 1], found[#found + 2], found[#found + 3] = id, n, oldest
  end

  local i = 0
  repeat
    i = i + 1
    look_at(fields[i], counts[i], known[i])
  until i == #fields or is_enough()
  asked_in_all = asked_in_all + asked - began
  return i
end
