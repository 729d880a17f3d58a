-- howdah.check_window: refuses windows where they cannot be kept.
create or replace function howdah.check_window(c howdah.consumer, t howdah.topic, from_time timestamptz, until_time timestamptz) returns void
language plpgsql immutable as $$
begin
    if c.ordered then
        raise exception 'consumer % is ordered: no windows and no newest_first', quote_literal(c.name)
            using errcode = 'invalid_parameter_value', hint = 'They would break its order. Create another consumer without ordered.';
    elsif from_time >= until_time then
        raise exception 'the window from % until % is empty', from_time, until_time
            using errcode = 'invalid_parameter_value', hint = 'from_time is included, until_time is not; from_time must be the earlier one.';
    elsif t.window_column is null and (from_time is not null or until_time is not null) then
        raise exception 'topic % has no column of arrival times (timestamptz)', quote_literal(t.name)
            using errcode = 'feature_not_supported', hint = 'Claim without a window. A timestamp without time zone cannot serve: it is no instant.';
    end if;
end $$;
