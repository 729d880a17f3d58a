-- howdah.refuse_isolation: the error of what has to see what others commit meanwhile, in a transaction that would not.
create or replace function howdah.refuse_isolation() returns void
language plpgsql stable as $$
begin
    raise exception 'this needs READ COMMITTED, not %', upper(current_setting('transaction_isolation'))
        using errcode = 'invalid_transaction_state',
              hint = 'Claim, seek, replay and redrive in a transaction (or autocommit) at READ COMMITTED; work and ack may use any level.';
end $$;
revoke execute on function howdah.refuse_isolation() from public;
