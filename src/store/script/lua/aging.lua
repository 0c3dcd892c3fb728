-- aging.lua - prelude after unread: what has had its time is unread no more, also while nobody has let it go. docs/protocol.md section 2
-- Whether something of a conversation has; `kept`: what was sent before has.
local function is_due (facts, kept) return facts[3] and facts[4] < kept end

-- Raises a view's `low` above it. Returns how many unread messages that were, and how many were looked at for it; no more than `most`.
local function let_age (view, facts, kept, most)
  if not is_due(facts, kept) then return 0, 0 end
  if facts[3] < kept then
    view.low = view.head
    return math.huge, 0
  end
  local low = view.low
  view.low = sent_before(view.index, low, math.min(view.head, low + most), kept)
  return count_between(view, low + 1, view.low), view.low - low
end

-- Nothing of it is unread.
local function drop_count (unread, field)
  if not is_dry then redis.call('HDEL', unread, field) end
end

-- The keys of the conversation of a count, and its id.
local function place_of (field)
  local tag, id = string.match(field, '^(%d+)/(.+)$')
  return tag and 'iris:{' .. tag .. '}:CONVERSATION:' .. id, id
end
