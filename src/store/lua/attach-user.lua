-- attach-user.lua - a terminal attaches: registered, routed, its cursor judged, and what waits for it, at one instant. [ATTACH-1] to [ATTACH-3]
-- USES down presence connect
-- KEYS down terminals routes unread commands notices leases events
-- ARGV downEntries downIdleMs node user terminal platform leaseMs maxTerminals epoch seq mailboxMessages heldMs traceId maxEvents
-- epoch: that of the cursor, `` without a cursor, `malformed` for one that cannot be read.
-- RETURNS 0 verdict(fresh|resumed|malformed|epoch|trimmed|future|full) top serverTime unread[conversation, n, [seq:ts ...] ...] pending evicted
local down, terminals, routes, unread, commands, notices, leases, events = unpack(KEYS)
local user, terminal, platform, lease_ms, max_terminals, epoch, seq, mailbox, held_ms, trace_id, max_events = unpack(ARGV, 4)
local who = { leases = leases, events = events, terminals = terminals, user = user, max_events = max_events }

-- The longest unseen terminal that is not connected makes room for a new one.
local evicted = ''
if redis.call('HEXISTS', terminals, terminal) == 0 and redis.call('HLEN', terminals) >= tonumber(max_terminals) then
  local connected, oldest = {}, nil
  local live = redis.call('HGETALL', routes)
  for i = 1, #live, 2 do
    if tonumber(string.match(live[i + 1], '%d+$')) > now then connected[string.match(live[i], '[^/]+$')] = true end
  end
  local known = redis.call('HGETALL', terminals)
  for i = 1, #known, 2 do
    local seen = tonumber(string.match(known[i + 1], '%d+$'))
    if not connected[known[i]] and (not oldest or seen < oldest) then evicted, oldest = known[i], seen end
  end
  if evicted == '' then return { 0, 'full', '', int(now), {}, 0, '' } end
  disconnect(who, evicted, 'LINK_CLOSE', 1) -- it may still be in its grace
  redis.call('HDEL', terminals, evicted)
end
connect(who, terminal, { platform = platform, node = this_node, trace = trace_id }, held_ms)
redis.call('HSET', routes, this_node .. '/' .. terminal, platform .. ' ' .. int(now + lease_ms))
redis.call('PEXPIRE', routes, lease_ms)

local top = top_of(down, user)
redis.call('PEXPIRE', down, down_idle)
local top_epoch, top_seq = string.match(top, '^(%d+)-(%d+)$')
-- trimming is approximate: what stands beyond the limit may already refer to messages that are gone
local first = math.max(string.match(redis.call('XRANGE', down, '-', '+', 'COUNT', 1)[1][1], '%d+$'), top_seq - down_entries + 1)
local verdict = 'resumed'
if epoch == '' then verdict = 'fresh'
elseif epoch == 'malformed' then verdict = 'malformed'
elseif epoch ~= top_epoch then verdict = 'epoch'
elseif tonumber(seq) > tonumber(top_seq) then verdict = 'future'
elseif tonumber(seq) < tonumber(first) - 1 then verdict = 'trimmed' end

local waiting = {}
if verdict ~= 'resumed' then
  local conversations = redis.call('HKEYS', unread)
  -- each brings its oldest; of very many conversations each brings fewer, so that one attach stays bounded
  local share = math.min(tonumber(mailbox), math.ceil(4 * mailbox / math.max(1, #conversations)))
  for _, conversation in ipairs(conversations) do
    local box = unread .. ':' .. conversation
    waiting[#waiting + 1] = conversation
    waiting[#waiting + 1] = redis.call('ZCARD', box)
    waiting[#waiting + 1] = redis.call('ZRANGE', box, 0, share - 1)
  end
end
return { 0, verdict, top, int(now), waiting, redis.call('HLEN', commands) + redis.call('HLEN', notices), evicted }
