-- howdah.settle: takes ids out of a claim, and ends it when none is left. The row's update is HOT.
create or replace function howdah.settle(k howdah.claims, ids bigint[], outcome text) returns void
language plpgsql volatile as $$
declare
    b  bit varying := coalesce(k.bits, repeat('0', (k.last_id - k.first_id + 1)::int)::bit varying);
    id bigint;
begin
    if cardinality(ids) >= k.held then
        update howdah.claims x set ended_at = clock_timestamp(), outcome = settle.outcome where x.claim_id = k.claim_id;
    elsif cardinality(ids) > 0 then
        foreach id in array ids loop
            b := set_bit(b, (id - k.first_id)::int, 1);
        end loop;
        update howdah.claims x set bits = b, held = x.held - cardinality(ids) where x.claim_id = k.claim_id;
    end if;
end $$;
revoke execute on function howdah.settle(howdah.claims, bigint[], text) from public;
