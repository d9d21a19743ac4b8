# What a new Request Tracker gets for tests: a queue, fields, people, and tokens that are written into the folder FIRSTLINE_SEED.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT;
RT::LoadConfig();
RT::Init();

my $system = RT->SystemUser;

sub done {
    my ($ok, $why) = @_;
    die "seed: $why\n" unless $ok;
    return $ok;
}

sub token {
    my ($user, $name) = @_;
    my $as = RT::CurrentUser->new($system);
    $as->Load($user->Id);
    my $token = RT::AuthToken->new($system);
    my ($ok, $why, $text) = $token->Create(Owner => $user->Id, Description => $name);
    done($ok, $why);
    open my $file, '>', "$ENV{FIRSTLINE_SEED}/$name.token" or die "seed: $!\n";
    print $file $text;
    close $file;
}

my $queue = RT::Queue->new($system);
done($queue->Create(Name => 'Workstations', CorrespondAddress => 'workstations@desk.test'));

for my $name ('Agent ID', 'Category') {
    my $field = RT::CustomField->new($system);
    done($field->Create(Name => $name, Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket', Queue => 0));
    done($field->AddToObject($queue));
}

# Anybody may open a ticket by mail.
my $everyone = RT::Group->new($system);
$everyone->LoadSystemInternalGroup('Everyone');
done($everyone->PrincipalObj->GrantRight(Right => 'CreateTicket', Object => $queue));

# Firstline's account, with what docs/desks.md lists and no more; and one that may look but not write.
my @looks = qw(SeeQueue ShowTicket ShowTicketComments SeeCustomField CreateTicket);
my %rights = (
    firstline => [@looks, qw(CommentOnTicket ModifyTicket ModifyCustomField)],
    looker    => [@looks],
);
for my $name (sort keys %rights) {
    my $user = RT::User->new($system);
    done($user->Create(Name => $name, EmailAddress => "$name\@desk.test", Privileged => 1));
    done($user->PrincipalObj->GrantRight(Right => $_, Object => $queue)) for @{ $rights{$name} };
    done($user->PrincipalObj->GrantRight(Right => 'ManageAuthTokens', Object => RT->System));
    token($user, $name);
}

my $root = RT::User->new($system);
$root->Load('root');
token($root, 'root');
