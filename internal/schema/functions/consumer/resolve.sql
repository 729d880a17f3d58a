-- howdah.resolve: the id at which reading starts for earliest, latest, an id or a time with its zone. latest is the stable
-- id + 1; a time is the first event received then or later, but never above the stable id + 1; an id is at most that of
-- the next event, so that a head above the sequence always means that the sequence went back. Times use BRIN and read all
-- events from then on, because arrival order is not id order.
create or replace function howdah.resolve(t howdah.topic, what text, target text) returns bigint
language plpgsql volatile as $$
declare
    at     timestamptz;
    answer bigint;
    lowest bigint := coalesce((select min(s.first_id) from howdah.segment s where s.topic = t.number and s.emptied_at is null),
                              (select seqstart from pg_sequence where seqrelid = t.sequence));
    x      record;
begin
    if target is null then
        raise exception '% is null', what using errcode = 'null_value_not_allowed', hint = 'Use earliest, latest, an id, or a time with its zone.';
    end if;
    select * into x from howdah.stable(t);
    if target = 'earliest' then
        execute format('select coalesce(min(id)::bigint, $1) from howdah.topic_%s where id >= $1', t.number) into answer using lowest;
        return least(answer, lowest, x.stable + 1);
    elsif target = 'latest' then
        return x.stable + 1;
    elsif target ~ '^\s*-?\d+\s*$' then
        if target::numeric not between 0 and 9223372036854775806 then
            raise exception '% % is not an id', what, target using errcode = 'invalid_parameter_value', hint = 'Ids are positive bigints.';
        end if;
        answer := target::bigint;
        if answer > x.drawn + 1 then
            raise notice '% % lies above the last id drawn; starting at %', what, target, x.drawn + 1;
        end if;
        if answer < lowest and t.retention is not null then
            raise notice '% % is below the first event that is kept; starting at %', what, target, lowest;
        end if;
        return least(greatest(answer, lowest), x.drawn + 1);
    end if;
    at := howdah.parse_instant(what, target);
    if t.window_column is null then
        raise exception 'topic % has no column of arrival times to start at a time', quote_literal(t.name)
            using errcode = 'feature_not_supported', hint = 'Start at earliest, latest or an id.';
    end if;
    execute format('select min(id + 0) from howdah.topic_%s where received_at >= $1', t.number) into answer using at;
    return least(coalesce(answer, x.stable + 1), x.stable + 1);
end $$;
revoke execute on function howdah.resolve(howdah.topic, text, text) from public;
