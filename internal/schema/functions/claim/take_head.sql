-- howdah.take_head: the next events of a lane from its head, up to the stable id and inside one segment. The stable id that
-- the state carries is used while it suffices, so that a backlog is consumed without reading pg_locks; rows are read by a
-- later statement than the stable id. Ranges without rows are closed and the search goes on: no rows means nothing to do.
create or replace function howdah.take_head(t howdah.topic, every int, n int, inout s howdah.lane_state,
        out events int, out first_id bigint, out last_id bigint, out moved boolean)
language plpgsql volatile as $$
declare
    x     record;
    found bigint[];
    bound bigint;
    fresh boolean := false;
begin
    events := 0;
    moved := false;
    loop
        if s.head + n - 1 > s.stable and not fresh then
            x := howdah.stable(t);
            if x.drawn < s.head - 1 then
                raise exception 'the sequence of topic % went back from % to %', quote_literal(t.name), s.head - 1, x.drawn
                    using errcode = 'HW002',
                          detail = 'New events would lie below what consumers have passed, and never be delivered.',
                          hint = format('Set it forward again: select setval(%L, %s); then look for events that were inserted meanwhile, and howdah.seek.',
                                        t.sequence, s.head - 1);
            end if;
            s.stable := x.stable;
            fresh := true;
        end if;
        exit when s.head > s.stable;
        x := howdah.look_ahead(t, every, s.head, s.stable, n);
        bound := x.bound;
        found := x.batch;
        events := found[1];
        if events > 0 then
            first_id := found[2];
            last_id := found[3];
            -- fewer than n, and not for their size: there are no more up to bound
            s.head := case when events < n and found[5] is null then bound else last_id end + 1;
            moved := true;
            return;
        end if;
        -- Nothing up to bound. Remembering that is worth a row where the hole is wide; a lane's index skips it anyway.
        moved := moved or bound - s.head >= 10000 or t.retention is not null and bound < s.stable;
        s.head := bound + 1;
    end loop;
end $$;
revoke execute on function howdah.take_head(howdah.topic, int, int, howdah.lane_state) from public;
