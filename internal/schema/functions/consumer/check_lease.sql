-- howdah.check_lease: refuses a lease that is not between 1 ms and 7 days.
create or replace function howdah.check_lease(lease interval, nullable boolean) returns void
language plpgsql immutable as $$
begin
    if lease is null and nullable or lease between interval '1 ms' and interval '7 days' then
        return;
    end if;
    raise exception 'lease is %, not between 1 ms and 7 days', coalesce(lease::text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'A lease is how long a worker may be silent, such as ''30 s''; long work extends it.';
end $$;
