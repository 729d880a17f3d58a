-- howdah.parse_instant: an instant from text with a zone (Z, +02:00, UTC …); without a zone it is refused, because a
-- producer in Chicago and a database in UTC would read it differently.
create or replace function howdah.parse_instant(what text, value text) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if value !~ '\d{4}-\d{2}-\d{2}' or value !~* '(z|utc|gmt|:.*[+-]\d{2}(:?\d{2})?)\s*$' then -- 2026-01-02 ends like an offset
        raise exception '% % is neither earliest, latest, an id nor a time with its zone', what, quote_literal(value)
            using errcode = 'invalid_parameter_value', hint = 'Write a time like 2026-01-31T12:00:00Z or 2026-01-31 06:00:00-06:00.';
    end if;
    return value::timestamptz;
exception when datetime_field_overflow or invalid_datetime_format then
    raise exception '% % is not a time', what, quote_literal(value)
        using errcode = 'invalid_parameter_value', hint = 'Write a time like 2026-01-31T12:00:00Z.';
end $$;
