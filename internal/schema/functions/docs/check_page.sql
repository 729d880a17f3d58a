-- howdah.check_page: refuses a page size out of range.
create or replace function howdah.check_page(max_rows int) returns void
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    if max_rows is null or max_rows not between 1 and 100000 then
        raise exception 'max_rows is %, not between 1 and 100000', coalesce(max_rows::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Take pages: give the last key of a page as after.';
    end if;
end $$;
