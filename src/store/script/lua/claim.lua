-- claim.lua - prelude: whether what is done under a client's id is over. [NOTICE-2]
-- claim: its key, see once.ts; empty: there is none. One that cannot be read says nothing.
local function is_over (claim)
  local text = claim ~= '' and redis.pcall('GET', claim)
  return type(text) == 'string' and string.find(text, '"result":', 1, true) ~= nil
end
