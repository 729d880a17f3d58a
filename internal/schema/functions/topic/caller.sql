-- howdah.caller: the role that called, also inside SECURITY DEFINER functions, where current_user is the owner.
create or replace function howdah.caller() returns name
language sql stable parallel safe as $$
    select case when pg_catalog.current_setting('role') operator(pg_catalog.=) 'none' then session_user
           else pg_catalog.current_setting('role')::pg_catalog.name end
$$;
