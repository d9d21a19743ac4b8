"""Fills a new domain with people of all kinds. Usage: seed.py FOLDER PASSWORD_OF_FIRSTLINE, while no daemon runs."""

import glob
import sys
import time

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

folder, password = sys.argv[1:]
params = LoadParm()
params.load(folder + "/etc/smb.conf")
directory = SamDB(url=folder + "/private/sam.ldb", session_info=system_session(), lp=params)
domain = directory.domain_dn()
DAY = 24 * 3600


def change(database, place, attribute, value):
    message = ldb.Message()
    message.dn = ldb.Dn(database, place)
    message[attribute] = ldb.MessageElement(str(value), ldb.FLAG_MOD_REPLACE, attribute)
    database.modify(message)


# Three wrong passwords lock for half an hour; a password is good for 42 days.
for attribute, value in [("lockoutThreshold", 3), ("lockoutDuration", -30 * 60 * 10**7),
                         ("lockOutObservationWindow", -30 * 60 * 10**7), ("maxPwdAge", -42 * DAY * 10**7)]:
    change(directory, domain, attribute, value)

directory.newuser("firstline", password)
people = ["ana", "bob", "carol", "dave", "erin", "fay", "gus", "ivy", "iva"]
for name in people:
    mail = "team@corp.test" if name in ("ivy", "iva") else name + ".silva@corp.test"
    directory.newuser(name, "Aa1!user-" + name, mailaddress=mail)
directory.disable_account("(sAMAccountName=dave)")
change(directory, "CN=erin,CN=Users," + domain, "accountExpires", int((time.time() - DAY + 11644473600) * 10**7))
change(directory, "CN=fay,CN=Users," + domain, "pwdLastSet", 0)
directory.newcomputer("WS-0001")
change(directory, "CN=WS-0001,CN=Computers," + domain, "managedBy", "CN=ana,CN=Users," + domain)
del directory

# A directory lets nobody write when a password was set, so that goes into the file of its partition.
file = [name for name in glob.glob(folder + "/private/sam.ldb.d/*.ldb") if name.upper().endswith("/DC=CORP,DC=TEST.LDB")][0]
partition = ldb.Ldb("tdb://" + file, flags=0, options=["modules:"])
for name, days in [("carol", 60), ("gus", 39)]:
    change(partition, "CN=%s,CN=Users,%s" % (name, domain), "pwdLastSet", int((time.time() - days * DAY + 11644473600) * 10**7))
