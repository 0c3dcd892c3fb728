-- attach.lua - prelude after down, connect, login and rate: what a terminal that attaches needs of its user. [ATTACH-1] to [ATTACH-3]
-- me: tag user terminal platform epoch seq issued expires keep_ms trace_id lease
-- units; then its `keys`, what is `known`, and `who` as presence.lua knows it.
-- In TERMINALS, too: `/attach`, `/new`: when his next attach, and the next terminal that is new, are due, us; `/epoch`: that of his stream
-- while it has no entry yet.

-- The keys of a user. One who has none of them is not asked for anything else: all of it is empty.
local function keys_of (tag, user)
  local prefix = 'iris:{' .. tag .. '}:'
  local terminals = prefix .. 'TERMINALS:' .. user
  local keys = {
    terminals = terminals, routes = terminals .. ':ROUTES', down = prefix .. 'DOWN:' .. user,
    kick = kick_of(tag, user), unread = prefix .. 'CHAT_MSG_BOX:' .. user,
    commands = prefix .. 'CMD_BOX:' .. user, notices = prefix .. 'NOTICE_BOX:' .. user,
    conversations = prefix .. 'CONVERSATIONS:' .. user
  }
  look_for({ terminals, keys.routes, keys.down, keys.kick, keys.unread, keys.commands, keys.notices, keys.conversations })
  return keys
end

local function known_of (terminals, terminal)
  local found = redis.call('HMGET', terminals, terminal, terminal .. '/login', '/online', '/gone', '/n', '/epoch', '/attach', '/new')
  local row, login, online, gone, n, epoch, attach, new = unpack(found)
  return { row = row, login = login, online = online, gone = gone, n = n, epoch = epoch, attach = attach, new = new }
end

-- What a user who is refused owes all the same. Of one who is not known that alone is kept, until it is due.
local function owe (terminals, ahead)
  if is_dry then return end -- then the node's own bucket counts alone
  redis.call('HSET', terminals, '/attach', due(ahead))
  for _, rule in ipairs({ 'NX', 'GT' }) do redis.call('PEXPIRE', terminals, int(math.ceil(ahead / 1000)), rule) end
end

-- A new terminal takes a place, `room.most` are there. Returns who was forgotten for it, empty for nobody; nil when all are connected.
local function make_place (me, room)
  local evicted = longest_unseen(me.keys.terminals, room)
  if evicted and evicted ~= '' then
    disconnect(me.who, evicted, 'LINK_CLOSE', 1) -- it may still be in its grace
    forget_terminal(me.keys.terminals, evicted)
  end
  return evicted
end

-- It has a connection, and hints find it. Its user's stream is kept from now on for as long as one that is read.
local function arrive (me, at)
  if is_dry then return end
  local routes, facts = me.keys.routes, at.facts
  if at.epoch and at.epoch ~= me.known.epoch then facts[#facts + 1], facts[#facts + 2] = '/epoch', at.epoch end
  connect(me.who, me, me.known, facts)
  redis.call('HSET', routes, this_node .. '/' .. me.terminal, me.platform .. ' ' .. at.route_until)
  redis.call('PEXPIRE', routes, at.lease_ms)
  if not at.epoch then redis.call('PEXPIRE', me.keys.down, down_idle) end
end
