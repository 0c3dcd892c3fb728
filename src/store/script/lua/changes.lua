-- changes.lua - prelude after event and membership: what is to become of a group's members, and what a back end is told of it. [EVENT-6]
-- The members as they are: user -> his row, see member.lua, without anything where that cannot be read; and the users in order.
local function rows_of (members)
  local rows, order, all = {}, {}, redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    local role, first, tag, writer, known, bar = member_of(all[i + 1])
    rows[all[i]] = { role = role, first = first, tag = tag, writer = writer, known = known, bar = bar }
    order[#order + 1] = all[i]
  end
  return rows, order
end

-- Who is not wanted is to be removed.
local function remove_others (wanted, rows, order)
  local named = {}
  for _, each in ipairs(wanted) do named[each.user] = true end
  for _, user in ipairs(order) do
    if not named[user] then wanted[#wanted + 1] = { user = user, role = '-', tag = rows[user].tag, muted = '' } end
  end
end

-- As members of JSON: whom it adds, whom it removes, who has another role, who is muted, or is no more; `more` members than before.
local function changes_of (wanted, rows)
  local changes = { added = {}, removed = {}, roles = {}, muted = {}, more = 0 }
  for _, each in ipairs(wanted) do
    local user, role, row = each.user, each.role, rows[each.user]
    local is_in, kept = row and row.role, role == '=' and 'member' or role
    local text = '{"userId":"' .. user .. '","role":"' .. kept .. '"}'
    if role == '-' then
      if row then changes.removed[#changes.removed + 1], changes.more = user, changes.more - 1 end
    elseif not is_in then changes.added[#changes.added + 1], changes.more = text, changes.more + (row and 0 or 1)
    elseif role ~= '=' and role ~= row.role then changes.roles[#changes.roles + 1] = text end
    local bar = is_in and (whole_of(row.bar) or 0) > now and row.bar or ''
    if role ~= '-' and bar_with({ bar = bar }, each.muted) ~= bar then
      local till = each.muted ~= '0' and ',"mutedUntil":' .. each.muted or ''
      changes.muted[#changes.muted + 1] = '{"userId":"' .. user .. '"' .. till .. '}'
    end
  end
  changes.any = changes.added[1] or changes.removed[1] or changes.roles[1] or changes.muted[1]
  return changes
end

-- title: where that is a new one. trace: of the request, see event.lua.
local function announce_changed (id, kind, change, title, changes, trace)
  announce('conversation.changed', '"ts":' .. int(now) .. ',"conversationId":"' .. id .. '","kind":"' .. kind .. '","change":"' .. change ..
    '"' .. (title ~= '' and ',"title":' .. cjson.encode(title) or '') .. list_text('added', changes.added, '') ..
    list_text('removed', changes.removed, '"') .. list_text('roles', changes.roles, '') .. list_text('muted', changes.muted, '') ..
    traced(trace))
end

-- Beyond the limit those who left first lose their view; a tenth at once, so that the sorting is not done for each.
local function trim_left (left, limit)
  if redis.call('HLEN', left) <= limit then return end
  local order, all = {}, redis.call('HGETALL', left)
  for i = 1, #all, 2 do order[#order + 1] = { all[i], tonumber(string.match(all[i + 1], '%d+$') or 0) } end
  table.sort(order, function (a, b) return a[2] < b[2] or (a[2] == b[2] and a[1] < b[1]) end)
  for i = 1, #order - math.ceil(limit * 0.9) do redis.call('HDEL', left, order[i][1]) end
end
