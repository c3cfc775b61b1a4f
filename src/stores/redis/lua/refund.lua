-- Gives back what take.lua took for one request, to the sub-buckets it came from, and forgets the
-- request: a repeat of it is decided anew, and a second refund finds nothing.
--
-- KEYS  1 verdict; 2 call; then one entity for each counter
-- ARGV  1  '' for the server's clock, or the time in ms (tests only)
--       2  fingerprint
--       3  plan, as for take.lua: under other counters nothing is given back
--       4  the call's id
--       5  shapes, as readShapes says
--       then for each counter: shape, cost
-- While other tries of the request share what was taken, it stays taken, and they are one fewer.
-- Answers 1 refunded · 0 nothing to give back · 2 a value is not ours, and nothing was done

local TAKEN = 1

local now = clockMs(ARGV[1])
local fingerprint, plan, call = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local shapes, a = readShapes(5)
local values = readAll(KEYS, #KEYS)
local verdict = values[1]
if not verdict then return 0 end
if verdict == true or #verdict < 9 then return 2 end
local kind, tries, storedPlan, length = decode('<BI2I4I2', verdict)
if kind ~= TAKEN or storedPlan ~= plan then return 0 end
if sub(verdict, 10, 9 + length) ~= fingerprint then return 0 end
if tries > 1 then
  redis.call('SETRANGE', KEYS[1], 1, encode('<I2', tries - 1))
  return 1
end

local opened = {}
for c = 1, #KEYS - 2 do
  local shape, cost = shapes[tonumber(ARGV[a])], tonumber(ARGV[a + 1])
  local value = values[c + 2]
  shape.loose = true
  if value then
    local e = shape.meter.open(KEYS[c + 2], value, shape, now)
    if e == nil then return 2 end
    if e then
      local takenAtMs = decode('<d', verdict, 10 + length + 8 * (c - 1))
      shape.meter.correct(e, takenAtMs, -cost, call)
      opened[#opened + 1] = { meter = shape.meter, entity = e }
    end
  end
  a = a + 2
end
for c = 1, #opened do opened[c].meter.save(opened[c].entity) end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
