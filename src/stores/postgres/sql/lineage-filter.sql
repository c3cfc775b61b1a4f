-- Which records l a query is about. Statements are planned with their values, so that a condition
-- whose value is null costs nothing. $1 tenant; null means any of $2 agent, $3 user, $4 effect, $5
-- decision id, $6 request id, $7 trace id, $8 reason code, $9 whether completing a hold may add
-- that code, $10 reason code of the event, $11 reason codes that the event does not have, separated
-- by commas, $12 from, $13 to (in milliseconds, to is exclusive), $14 and $15 moment in
-- milliseconds and decision id after which to go on, $16 index of the person's e-mail address.
  l.tenant = $1
  and l.operation <> 'audit'
  and ($2::text is null or l.agent = $2)
  and ($3::text is null or (l.user_id = $3 and l.user_id <> ''))
  and ($4::text is null or l.effect = $4)
  and ($5::text is null or l.decision_id = $5)
  and ($6::text is null or l.request_id = $6)
  and ($7::text is null or (l.trace_id = $7 and l.trace_id <> ''))
  and ($8::text is null or $8 = any (l.reason_codes)
    or ($9::boolean and l.operation <> 'authorize' and l.effect = 'allow'))
  and ($10::text is null or $10 = any (l.reason_codes))
  and ($11::text is null or not l.reason_codes && string_to_array($11, ','))
  and ($12::bigint is null
    or l.decided_at >= timestamptz 'epoch' + $12::bigint * interval '1 millisecond')
  and ($13::bigint is null
    or l.decided_at < timestamptz 'epoch' + $13::bigint * interval '1 millisecond')
  and ($14::bigint is null
    or l.decided_at <= timestamptz 'epoch' + $14::bigint * interval '1 millisecond')
  and ($14::bigint is null or l.decision_id > $15::text
    or l.decided_at < timestamptz 'epoch' + $14::bigint * interval '1 millisecond')
  and ($16::text is null or exists (
    select from tollgate.lineage_person p
    join tollgate.person_key k on k.tenant = p.tenant and k.key_id = p.key_id
    where p.tenant = l.tenant and p.decision_id = l.decision_id
      and k.email_index = $16 and k.wrapped is not null))
