-- howdah.next_look: how many claims of a lane may be open before it is looked again which of them have ended, where so many have
-- not now. No locks, no tables.
create or replace function howdah.next_look(still int) returns int
language sql immutable as $$
    select greatest(8, still + still / 2)
$$;
revoke execute on function howdah.next_look(int) from public;
