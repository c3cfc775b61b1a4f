-- Ends a call: corrects what it took to what it used, in the sub-buckets it was taken from, and ends
-- its leases. The call is forgotten, so that a second time nothing happens.
--
-- KEYS  1 call; then one entity for each counter that is settled
-- ARGV  1  '' for the server's clock, or the time in ms (tests only)
--       2  the call as it was read, because what follows was made from it
--       3  the call's id
--       4  shapes, as readShapes says
--       then for each counter: shape, time of the take in ms, units to add (below 0: to give back)
-- Answers 1 settled · 0 nothing to settle

local now = clockMs(ARGV[1])
local call = ARGV[3]
local shapes, a = readShapes(4)
local values = readAll(KEYS, #KEYS)
if values[1] ~= ARGV[2] then return 0 end

local opened = {}
for c = 1, #KEYS - 1 do
  local shape, value = shapes[tonumber(ARGV[a])], values[c + 1]
  shape.loose = true
  -- A value that is not ours, or is of other windows by now, stays as it is.
  local e = value and shape.meter.open(KEYS[c + 1], value, shape, now)
  if e then
    shape.meter.correct(e, tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), call)
    opened[#opened + 1] = { meter = shape.meter, entity = e }
  end
  a = a + 3
end
for c = 1, #opened do opened[c].meter.save(opened[c].entity) end
redis.call('DEL', KEYS[1])
return 1
