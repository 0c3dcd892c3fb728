-- sight.lua - prelude: all nodes hear whose sight of whom may have changed. [SEE-4]
-- key: one of the owner's partition; of: a conversation, among whose members these users are no more (`lost`) or from now on (`found`);
-- or a user, of whom these learn no more, or again.
local function show_sight (key, of, word, users)
  if not users[1] then return end
  redis.call('SPUBLISH', (string.gsub(key, '}:.*$', '}:PRESENCE')), of .. ' ' .. word .. ' ' .. table.concat(users, ' '))
end
