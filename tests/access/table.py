"""What every address of the studio answers to every kind of person, one line for each method.

Columns: any (not signed in), then people of the team that owns the object, then people of another
team: in no group (non), mem(ber), rev(iewer), adm(in and nothing else), sup(eruser), and a
deactivated person who was all three (off). The member of the first team owns the object.

    ok   opens: the page or the file, or the form again with what is wrong in it
    go   leads on to another page; for a POST that does something, that is success
    in   to the sign-in page
    no   403, with what to do
    --   404, as if it did not exist
    x    405: the address does not take this method

Each line ends with the name of the address, or with its pattern if it has no name.
"""

STUDIO = """
     any non mem rev adm sup off | non mem rev adm sup off
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   studio
POST in  no  ok  no  no  ok  in  | no  ok  no  no  ok  in   studio
GET  in  no  ok  no  no  ok  in  | no  ok  no  no  ok  in   composer
POST in  no  ok  no  no  ok  in  | no  ok  no  no  ok  in   composer
GET  in  no  ok  ok  no  ok  in  | no  ok  ok  no  ok  in   live
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    live
GET  in  no  ok  ok  no  ok  in  | no  ok  ok  no  ok  in   feed-older
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    feed-older
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    run-try-again
POST in  no  go  no  no  --  in  | no  --  no  no  --  in   run-try-again
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    run-remedy
POST in  no  --  no  no  --  in  | no  --  no  no  --  in   run-remedy
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    generation-cancel
POST in  no  go  --  no  --  in  | no  --  --  no  --  in   generation-cancel
GET  in  no  ok  ok  no  ok  in  | no  ok  ok  no  ok  in   gallery
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    gallery
GET  in  no  ok  ok  no  ok  in  | no  --  --  no  --  in   image
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    image
GET  in  no  ok  ok  no  ok  in  | no  --  --  no  --  in   image-labels
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    image-labels
GET  in  no  ok  ok  no  ok  in  | no  --  --  no  --  in   image-download
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    image-download
GET  in  --  --  --  --  ok  in  | --  --  --  --  --  in   image-original
POST in  --  --  --  --  ok  in  | --  --  --  --  --  in   image-original
GET  in  no  ok  ok  no  ok  in  | no  --  --  no  ok  in   rendition
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    rendition
GET  in  no  ok  ok  no  ok  in  | no  --  --  no  ok  in   reference
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    reference
GET  in  no  ok  ok  no  ok  in  | no  ok  ok  no  ok  in   inspect
POST in  no  ok  ok  no  ok  in  | no  ok  ok  no  ok  in   inspect
GET  in  --  --  ok  --  ok  in  | --  --  ok  --  ok  in   log
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    log
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    log-searches
POST in  --  --  go  --  go  in  | --  --  go  --  go  in   log-searches
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    log-search-delete
POST in  --  --  --  --  --  in  | --  --  --  --  --  in   log-search-delete
GET  in  --  --  ok  --  ok  in  | --  --  ok  --  ok  in   seal
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    seal
GET  in  --  --  ok  --  ok  in  | --  --  ok  --  ok  in   seal-keys
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    seal-keys
GET  in  no  no  ok  ok  ok  in  | no  no  ok  ok  ok  in   label-law
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    label-law
GET  in  no  no  no  ok  ok  in  | no  no  no  ok  ok  in   providers
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    providers
GET  in  --  --  ok  --  ok  in  | --  --  ok  --  ok  in   exports
POST in  --  --  ok  --  ok  in  | --  --  ok  --  ok  in   exports
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    label-reports
POST in  --  --  go  --  go  in  | --  --  go  --  go  in   label-reports
GET  in  --  --  ok  --  --  in  | --  --  --  --  --  in   export-download
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    export-download
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    export-delete
POST in  --  --  go  --  --  in  | --  --  --  --  --  in   export-delete
GET  in  --  --  ok  --  ok  in  | --  --  --  --  ok  in   story
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    story
GET  in  --  --  ok  --  ok  in  | --  --  --  --  ok  in   log-image
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    log-image
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   reference-link
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    reference-link
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    webhook
POST --  --  --  --  --  --  --  | --  --  --  --  --  --   webhook
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   healthz
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    healthz
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   readyz
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    readyz
GET  in  no  no  no  ok  ok  in  | no  no  no  ok  ok  in   studio-status
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    studio-status
GET  in  no  no  no  ok  ok  in  | no  no  no  ok  ok  in   notices
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    notices
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    notices-read
POST in  no  no  no  go  go  in  | no  no  no  go  go  in   notices-read
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    notice-read
POST in  no  no  no  go  go  in  | no  no  no  go  go  in   notice-read
GET  x   x   x   x   x   x   x   | x   x   x   x   x   x    notices-mute
POST in  no  no  no  go  go  in  | no  no  no  go  go  in   notices-mute
"""

ACCOUNT = """
     any non mem rev adm sup off | non mem rev adm sup off
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account
POST in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   usersessions_list
POST in  go  go  go  go  go  in  | go  go  go  go  go  in   usersessions_list
GET  in  go  go  go  go  go  in  | go  go  go  go  go  in   account-email
POST in  go  go  go  go  go  in  | go  go  go  go  go  in   account-email
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account-readings
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    account-readings
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   credits
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    credits
GET  ok  go  go  go  go  go  ok  | go  go  go  go  go  ok   account_login
POST ok  go  go  go  go  go  ok  | go  go  go  go  go  ok   account_login
GET  go  go  go  go  go  go  go  | go  go  go  go  go  go   set-language
POST go  go  go  go  go  go  go  | go  go  go  go  go  go   set-language
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account_logout
POST in  in  in  in  in  in  in  | in  in  in  in  in  in   account_logout
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_inactive
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    account_inactive
GET  ok  go  go  go  go  go  ok  | go  go  go  go  go  ok   account_signup
POST ok  go  go  go  go  go  ok  | go  go  go  go  go  ok   account_signup
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account_reauthenticate
POST in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account_reauthenticate
GET  in  go  go  go  go  go  in  | go  go  go  go  go  in   account_email
POST in  go  go  go  go  go  in  | go  go  go  go  go  in   account_email
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_email_verification_sent
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    account_email_verification_sent
GET  in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account_change_password
POST in  ok  ok  ok  ok  ok  in  | ok  ok  ok  ok  ok  in   account_change_password
GET  in  go  go  go  go  go  in  | go  go  go  go  go  in   account_set_password
POST in  go  go  go  go  go  in  | go  go  go  go  go  in   account_set_password
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_reset_password
POST ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_reset_password
GET  in  go  go  go  go  go  in  | go  go  go  go  go  in   account_confirm_login_code
POST in  go  go  go  go  go  in  | go  go  go  go  go  in   account_confirm_login_code
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_confirm_email
POST --  --  --  --  --  --  --  | --  --  --  --  --  --   account_confirm_email
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_reset_password_from_key_done
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    account_reset_password_from_key_done
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_reset_password_from_key
POST ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_reset_password_from_key
GET  ok  ok  ok  ok  ok  ok  ok  | ok  ok  ok  ok  ok  ok   account_reset_password_done
POST x   x   x   x   x   x   x   | x   x   x   x   x   x    account_reset_password_done
"""

ADMIN = """
     any non mem rev adm sup off | non mem rev adm sup off
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:index
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:index
GET  in  no  no  no  go  go  in  | no  no  no  go  go  in   admin:login
POST in  no  no  no  ok  ok  in  | no  no  no  ok  ok  in   admin:login
GET  go  go  go  go  x   x   go  | go  go  go  x   x   go   admin:logout
POST go  go  go  go  in  in  go  | go  go  go  in  in  go   admin:logout
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin:password_change
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin:password_change
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:password_change_done
POST in  in  in  in  x   x   in  | in  in  in  x   x   in   admin:password_change_done
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:autocomplete
POST in  in  in  in  x   x   in  | in  in  in  x   x   in   admin:autocomplete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:jsi18n
POST in  in  in  in  x   x   in  | in  in  in  x   x   in   admin:jsi18n
GET  in  in  in  in  --  --  in  | in  in  in  --  --  in   admin:view_on_site
POST in  in  in  in  --  --  in  | in  in  in  --  --  in   admin:view_on_site
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_allowance_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_allowance_changelist
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_allowance_add
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_allowance_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_allowance_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_allowance_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_allowance_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_allowance_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_allowance_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_allowance_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/allowance/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/allowance/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_entry_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_entry_changelist
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_entry_add
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_entry_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_entry_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_entry_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_entry_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_entry_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_entry_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_entry_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/entry/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/entry/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_changelist
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_add
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_user_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_user_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_change
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_user_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/user/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/user/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_changelist
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_add
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_team_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:accounts_team_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_change
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:accounts_team_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/team/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/accounts/team/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_changelist
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_add
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_price_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_price_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_price_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_price_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/price/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/price/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_provideraccount_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_provideraccount_changelist
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_provideraccount_add
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_provideraccount_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_provideraccount_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_provideraccount_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_provideraccount_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_provideraccount_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_provideraccount_change
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_provideraccount_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/provideraccount/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/provideraccount/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_generation_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_generation_changelist
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_generation_add
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_generation_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_generation_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_generation_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_generation_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_generation_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_generation_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_generation_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/generation/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/generation/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_changelist
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_add
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_relabelling_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_relabelling_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_relabelling_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_relabelling_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/relabelling/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/relabelling/<path:object_id>/
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_changelist
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_changelist
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_add
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_add
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_history
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_erasure_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_erasure_delete
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_erasure_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_erasure_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/erasure/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/erasure/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_preview
POST in  in  in  in  x   x   in  | in  in  in  x   x   in   admin:generations_labelpolicy_preview
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_changelist
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_changelist
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_add
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_add
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_history
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_history
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_delete
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_delete
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_change
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:generations_labelpolicy_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/labelpolicy/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/labelpolicy/<path:object_id>/
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_changelist
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_changelist
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_add
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_add
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_history
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_history
GET  in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_legalhold_delete
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_legalhold_delete
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_legalhold_change
POST in  in  in  in  no  no  in  | in  in  in  no  no  in   admin:generations_legalhold_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/legalhold/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/legalhold/<path:object_id>/
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_changelist
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_changelist
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_add
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_add
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_history
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_history
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_delete
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_delete
GET  in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_change
POST in  in  in  in  no  ok  in  | in  in  in  no  ok  in   admin:generations_retentionrule_change
GET  in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/retentionrule/<path:object_id>/
POST in  in  in  in  go  go  in  | in  in  in  go  go  in   admin/generations/retentionrule/<path:object_id>/
GET  in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:app_list
POST in  in  in  in  ok  ok  in  | in  in  in  ok  ok  in   admin:app_list
GET  in  in  in  in  --  --  in  | in  in  in  --  --  in   admin/(?P<url>.*)$
POST in  in  in  in  --  --  in  | in  in  in  --  --  in   admin/(?P<url>.*)$
"""

SECTIONS = {"studio": STUDIO, "account": ACCOUNT, "admin": ADMIN}


def rows(section: str) -> dict[tuple[str, str], list[str]]:
    """Return one section's outcomes in the order of the columns, by method and address."""
    lines = [line.replace("|", " ").split() for line in section.strip().splitlines()[1:]]
    return {(method, name): words for method, *words, name in lines}
