-- run.lua - prelude: which run of Redis this is: its process, and its replication
-- id, which changes with its role and with all of its data. [STORE-1]
-- So a server that took other data over is another run, though it was never started again. The first replica of one changes it, too.
local server, replication = redis.call('INFO', 'server'), redis.call('INFO', 'replication')
local process = string.match(server, 'run_id:(%w+)')
local this_run = process .. '.' .. (string.match(replication, 'master_replid:(%w+)') or '')
