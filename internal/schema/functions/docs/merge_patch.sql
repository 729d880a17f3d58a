-- howdah.merge_patch: RFC 7396: members of the patch replace those of the target, null removes, objects merge. No locks, no tables.
create or replace function howdah.merge_patch(target jsonb, patch jsonb) returns jsonb
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
    name text;
    value jsonb;
begin
    if jsonb_typeof(patch) is distinct from 'object' then
        return patch;
    end if;
    if jsonb_typeof(target) is distinct from 'object' then
        target := '{}';
    end if;
    for name, value in select * from jsonb_each(patch) loop
        if value = 'null' then
            target := target - name;
        elsif jsonb_typeof(value) = 'object' then
            target := target || jsonb_build_object(name, howdah.merge_patch(target -> name, value));
        else
            target := target || jsonb_build_object(name, value);
        end if;
    end loop;
    return target;
end $$;
