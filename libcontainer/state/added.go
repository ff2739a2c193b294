package state

import "rt/internal/jsonscan"

// added writes the mounts that were added. None are left out.
func (w *object) added(list []Added) {
	if len(list) == 0 {
		return
	}
	w.name("added")
	for i := range list {
		w.dst = append(w.dst, "[,"[min(i, 1)])
		w.open()
		w.text("destination", list[i].Destination)
		w.text("source", list[i].Source)
		w.text("type", list[i].Type)
		w.number("mountId", list[i].MountID)
		if list[i].Device != "" {
			w.text("device", list[i].Device)
		}
		w.close()
	}
	w.dst = append(w.dst, ']')
	w.filled = true
}

func parseAdded(sc *jsonscan.Scanner, a *Added) {
	sc.Struct(addedNames, func(name string) bool {
		switch name {
		case "destination":
			jsonscan.String(sc, &a.Destination)
		case "source":
			jsonscan.String(sc, &a.Source)
		case "type":
			jsonscan.String(sc, &a.Type)
		case "mountId":
			jsonscan.Uint(sc, &a.MountID)
		case "device":
			jsonscan.String(sc, &a.Device)
		default:
			return false
		}
		return true
	})
}
