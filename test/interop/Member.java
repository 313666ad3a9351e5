// A member of a group by Spread's Java library: joins, sends once the group has so many members, prints every message as
// "MSG sender text", leaves after so many. Run from source: java -cp spread.jar Member.java HOST PORT NAME GROUP COUNT MEMBERS EXPECT
import java.net.InetAddress;
import spread.*;

public class Member {
    public static void main(String[] a) throws Exception {
        int count = Integer.parseInt(a[4]), members = Integer.parseInt(a[5]), expect = Integer.parseInt(a[6]);
        SpreadConnection connection = new SpreadConnection();
        connection.connect(InetAddress.getByName(a[0]), Integer.parseInt(a[1]), a[2], false, true);
        SpreadGroup group = new SpreadGroup();
        group.join(connection, a[3]);
        boolean sent = false;
        for (int got = 0; got < expect; ) {
            SpreadMessage m = connection.receive();
            if (m.isRegular()) {
                got++;
                System.out.println("MSG " + m.getSender() + " " + new String(m.getData(), "ISO8859_1"));
            } else if (m.isMembership() && m.getMembershipInfo().isRegularMembership()) {
                int now = m.getMembershipInfo().getMembers().length;
                System.out.println("VIEW " + now + " " + m.getMembershipInfo().getGroup());
                if (sent || now < members) continue;
                sent = true;
                for (int i = 0; i < count; i++) {
                    SpreadMessage own = new SpreadMessage();
                    own.setAgreed();
                    own.addGroup(a[3]);
                    own.setData((a[2] + " " + i).getBytes("ISO8859_1"));
                    connection.multicast(own);
                }
            }
        }
        group.leave();
        connection.disconnect();
    }
}
