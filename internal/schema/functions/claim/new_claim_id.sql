-- howdah.new_claim_id: the id of a new row of howdah.claims: greater than all before, and not to be guessed.
create or replace function howdah.new_claim_id() returns bigint
language sql volatile as $$
    select nextval('howdah.claim_number') << 20 | floor(random() * 1048576)::bigint
$$;
revoke execute on function howdah.new_claim_id() from public;
