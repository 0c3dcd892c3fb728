-- attach.lua - prelude after down, routes, login and connect: what a terminal that attaches needs of its user. [ATTACH-1] to [ATTACH-3]
-- me: tag user terminal platform epoch seq issued expires keep_ms trace_id lease units; then its `keys`, and `who` as presence.lua knows it.
local key_names = {
  down = 'DOWN', terminals = 'TERMINALS', unread = 'CHAT_MSG_BOX', commands = 'CMD_BOX', notices = 'NOTICE_BOX', kick = 'SYSTEM_INSTRUCT_USER_KICK',
  conversations = 'CONVERSATIONS'
}

-- The keys of a user. One who has none of them is not asked for anything else: all of it is empty.
local function keys_of (tag, user)
  local keys, all, rate = {}, {}, user_key(tag, 'RATE', user)
  for key, name in pairs(key_names) do keys[key] = user_key(tag, name, user) end
  keys.routes, keys.logins, keys.presence = keys.terminals .. ':ROUTES', keys.terminals .. ':LOGINS', keys.terminals .. ':PRESENCE'
  keys.attach_rate, keys.new_terminals = rate .. ':ATTACH', rate .. ':NEW'
  for _, key in pairs(keys) do all[#all + 1] = key end
  if redis.call('EXISTS', unpack(all)) == 0 then for _, key in ipairs(all) do void[key] = true end end
  return keys
end

-- A new terminal takes a place. Returns who was forgotten for it, empty for nobody; nil when all are connected.
local function make_place (me, replaced, max_terminals)
  local keys = me.keys
  if redis.call('HLEN', keys.terminals) < tonumber(max_terminals) then return '' end
  local evicted = longest_unseen(keys.terminals, keys.routes, replaced)
  if not evicted then return end
  disconnect(me.who, evicted, 'LINK_CLOSE', 1) -- it may still be in its grace
  redis.call('HDEL', keys.terminals, evicted)
  redis.call('HDEL', keys.logins, evicted)
  return evicted
end

-- It has a connection, and hints find it. Returns the end of its user's stream, which is kept from now on for as long as one that is read.
local function arrive (me, held_ms, lease_ms)
  local down, routes = me.keys.down, me.keys.routes
  connect(me.who, me.terminal, { platform = me.platform, node = this_node, trace = me.trace_id, lease = me.lease ~= '' and me.lease or nil }, held_ms)
  local top, is_born = top_of(down)
  if is_dry then return top end
  redis.call('HSET', routes, this_node .. '/' .. me.terminal, me.platform .. ' ' .. int(now + lease_ms))
  redis.call('PEXPIRE', routes, lease_ms)
  if not is_born then redis.call('PEXPIRE', down, down_idle) end
  return top
end

-- Trimming is approximate: what stands beyond the limit may already refer to messages that are gone.
local function judge_cursor (down, top, me)
  local epoch, last = string.match(top, '^(%d+)-(%d+)$')
  if me.epoch == '' then return 'fresh' end
  if me.epoch ~= epoch then return me.epoch == 'malformed' and 'malformed' or 'epoch' end
  local behind = last - me.seq
  if behind <= 0 then return behind < 0 and 'future' or 'resumed' end
  local first = math.max(string.match(redis.call('XRANGE', down, '-', '+', 'COUNT', 1)[1][1], '%d+$'), last - down_entries + 1)
  return tonumber(me.seq) < first - 1 and 'trimmed' or 'resumed'
end
